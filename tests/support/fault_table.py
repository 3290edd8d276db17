"""What faults cost, in one table at the end of the tests."""

from dataclasses import dataclass, field

import pytest


@dataclass
class FaultTable:
    """Fault by fault: the share of requests that failed, and the seconds until the last of them was sent."""

    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def add(self, fault: str, failed: float, seconds: float, note: str = "") -> None:
        """Add a row."""
        self.rows.append((fault, f"{failed:.1%}", f"{seconds:.1f} s", note))

    def lines(self) -> list[str]:
        """Return the table as Markdown."""
        head = ("fault", "requests that failed", "well again after", "note")
        return [f"| {' | '.join(row)} |" for row in (head, ("---",) * 4, *self.rows)]


_TABLE = pytest.StashKey[FaultTable]()


@pytest.fixture(scope="session")
def fault_table(pytestconfig: pytest.Config) -> FaultTable:
    """The table of this run of the tests."""
    return pytestconfig.stash.setdefault(_TABLE, FaultTable())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table if there is one."""
    found = config.stash.get(_TABLE, None)
    if found is not None and found.rows:
        terminalreporter.section("faults")
        for line in found.lines():
            terminalreporter.write_line(line)
