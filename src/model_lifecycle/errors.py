"""One exception tree: whatever this package refuses, it refuses with a `LifecycleError`.

A message says what failed, where, what was found and what was expected; the full report, where there is one,
is on ``__cause__``.
"""


class LifecycleError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigurationError(LifecycleError):
    """A setting is missing, unknown or out of range."""


class ContractError(LifecycleError):
    """A table or a record breaks its contract."""


class SourceError(LifecycleError):
    """A source of data cannot be read, or holds something else than it should."""


class StatisticError(LifecycleError):
    """A statistic was asked for something it is not defined on."""


class FeatureError(LifecycleError):
    """A feature cannot be computed from the columns at hand."""


class ModelError(LifecycleError):
    """A model cannot be fitted, stored or restored."""


class GateBlocked(LifecycleError):
    """A gate held the release back; the champion stays."""


class ReleaseError(LifecycleError):
    """A release is damaged, incomplete or of another version."""


class RegistryError(LifecycleError):
    """The registry is unreachable or inconsistent."""


class StoreError(LifecycleError):
    """The prediction log refused something."""


class StoreUnavailable(StoreError):
    """The prediction log cannot be reached or written now; trying again later is sensible."""


class ServingError(LifecycleError):
    """The service cannot start or has answered wrongly."""


class ClusterError(LifecycleError):
    """A Ray cluster cannot be started or reached, or has given up."""


class BatchError(LifecycleError):
    """A partition cannot be scored, or some of a run were refused."""


class RunLocked(LifecycleError):
    """Another run holds the data folder."""


class LeaseLost(LifecycleError):
    """Another agent leads."""


class DeliveryError(LifecycleError):
    """A channel did not take a notification."""
