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
        """Return the incidents of a stretch of time: the fault that stays, or those of the seed, or none.

        A fault that began before the stretch counts from its start on: nobody could see it earlier.

        Parameters
        ----------
        faults : mapping
            Of the case, by name; those that name the inputs they spoil come and go with a seed.
        task : str
            A bad release is made for a yes or no alone.
        span : pair of datetime
            The stretch.
        """
        if self.fault is not None:
            fault, (start, end) = faults[self.fault], span
            begun = max(start, start + fault.after)
            return (Incident(self.fault, fault.description, begun, end, fault.columns),)
        if self.seed is None:
            return ()
        general = [(kind, said, ()) for kind, said in GENERAL.items() if kind != BAD_RELEASE or task == "binary"]
        own = [(name, fault.description, fault.columns) for name, fault in faults.items() if fault.columns]
        return plan_incidents([*general, *own], *span, self.seed)
