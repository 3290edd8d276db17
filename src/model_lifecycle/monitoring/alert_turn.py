"""One turn of the alerts: what a judgement does to the states, and what is to be told. Pure."""

from datetime import datetime

from model_lifecycle.monitoring.alert_states import next_states
from model_lifecycle.monitoring.alerts import Judgement
from model_lifecycle.monitoring.notifications import due
from model_lifecycle.store.alert_book import Known, Turn


def turn_of(known: Known, judgement: Judgement, now: datetime) -> Turn:
    """Return what a judgement changes; nothing when it looks back behind what was judged already.

    Parameters
    ----------
    known : Known
        What the book holds.
    judgement : Judgement
        Of a monitoring run.
    now : datetime
        The wall's clock. Later times, from a label or a decision with a wrong date, do not count: the states would
        wait for that day.
    """
    if judgement.at is None:
        return Turn()
    at = min(judgement.at, now)
    if known.clock is not None and at < known.clock:
        return Turn()
    states, changes = next_states(known.states, judgement, at)
    after = {**known.states, **{state.fingerprint: state for state in states}}
    told = due(after.values(), known.sent, judgement.alerting, at) if judgement.alerting.deliver else []
    return Turn(at, states, changes, told)
