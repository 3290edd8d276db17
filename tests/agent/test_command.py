"""The command line refuses early what cannot work."""

import pytest
from click.testing import CliRunner

from model_lifecycle.cli import cli


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--now", "2024-07-01T00:00:00Z"], "--now: expected --once beside it"),
        (["--until", "tomorrow"], "--until: found 'tomorrow', expected an ISO 8601 time with its offset"),
        (["--until", "2024-07-01"], "--until: found '2024-07-01', expected a time with its offset"),
        (["--once", "--now", "2024-07-01T00:00:00Z", "--clock", "x"], "--now and --clock: expected one of them"),
        (["--lease", "0.1"], "--lease: found 0.1, expected 1 second or more"),
    ],
)
def test_what_cannot_work_is_refused_with_what_was_found(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(cli, ["watch", *arguments])
    assert result.exit_code == 1
    assert told in result.output
