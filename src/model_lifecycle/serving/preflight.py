"""What is checked before anything is started, so that it fails in a second and with one message."""

from model_lifecycle.registry import Registry
from model_lifecycle.releases import verify_release
from model_lifecycle.serving.champion import fixed_place, registry_place
from model_lifecycle.serving.settings import ServiceSettings


def check_release(settings: ServiceSettings) -> None:
    """Verify the release that is to be served.

    Raises
    ------
    LifecycleError
        If there is none, or it is damaged.
    """
    if settings.release is not None:
        place = fixed_place(settings.release)()
    else:
        place = registry_place(Registry(settings.registry, settings.registry_name))()
    verify_release(place.path, place.digest)
