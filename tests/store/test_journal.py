from dataclasses import replace

from model_lifecycle.contracts.records import AlertRecord, AuditRecord
from model_lifecycle.store import Store

from .records import at


def test_alerts_are_written_once_and_read_back(store: Store) -> None:
    alert = AlertRecord("a1", at(9), at(0), at(8), "critical", "auc", "AUC fell", {"auc": 0.6})
    assert store.append_alerts([alert, replace(alert, message="again")]) == 1
    assert store.alerts() == [alert]
    assert store.alerts(since=at(9)) == [alert]
    assert store.alerts(since=at(10)) == []


def test_the_audit_trail_is_read_back_in_order(store: Store) -> None:
    entries = [AuditRecord(at(9 - n), "ada", "promote", f"release-{n}", "better", {"n": n}) for n in range(3)]
    store.append_audit(entries)
    assert store.audit() == entries
    assert store.audit(release="release-1") == [entries[1]]
