"""What a rehearsal is to play: how long, how fast, and what goes wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from model_lifecycle.cases import Fault
from model_lifecycle.rehearsal.incidents.plan import BAD_RELEASE, GENERAL, Incident, plan_incidents


@dataclass(frozen=True, slots=True)
class Script:
    """Of one rehearsal.

    ``fault`` is one fault by name that stays to the end; with ``seed`` incidents come and go instead.
    """

    name: str
    months: int = 1
    days: int | None = None
    speed: float | None = None
    fault: str | None = None
    seed: int | None = None

    def incidents(
        self, faults: Mapping[str, Fault], task: str, span: tuple[datetime, datetime]
    ) -> tuple[Incident, ...]:
        """Return the incidents of a stretch of time; none without a seed.

        Parameters
        ----------
        faults : mapping
            Of the case, by name; those that name the inputs they spoil are incidents.
        task : str
            A bad release is made for a yes or no alone.
        span : pair of datetime
            The stretch.
        """
        if self.seed is None:
            return ()
        general = [(kind, said, ()) for kind, said in GENERAL.items() if kind != BAD_RELEASE or task == "binary"]
        own = [(name, fault.description, fault.columns) for name, fault in faults.items() if fault.columns]
        return plan_incidents([*general, *own], *span, self.seed)
