"""One turn of the alerts: what a judgement does to the states, and what is to be told. Pure."""

from dataclasses import replace
from datetime import UTC, datetime

from model_lifecycle.contracts.records import AlertState
from model_lifecycle.monitoring.alert_states import next_states
from model_lifecycle.monitoring.alerts import Judgement
from model_lifecycle.monitoring.notifications import due
from model_lifecycle.store.alert_book import Known, Turn

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


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
        wait for that day. Nor does what was judged while the wall's clock itself was ahead.
    """
    if judgement.at is None:
        return Turn()
    at = min(judgement.at, now)
    if judgement.whole and known.clock is not None and at < known.clock <= now:
        return Turn()
    before = {key: _rightly_dated(state, now) for key, state in known.states.items()}
    states, changes = next_states(before, judgement, at)
    after = {**before, **{state.fingerprint: state for state in states}}
    told = due(after.values(), known.sent, judgement.alerting, at) if judgement.alerting.deliver else []
    # The next run may well be of an earlier moment: a check that failed is made again for the moment it was due.
    return Turn(at if judgement.whole else None, states, changes, told)


def _rightly_dated(state: AlertState, now: datetime) -> AlertState:
    """Return a state that any window may change, if what it was judged on lies ahead of the wall's clock."""
    return replace(state, judged_until=_LONG_AGO) if state.judged_until > now else state
