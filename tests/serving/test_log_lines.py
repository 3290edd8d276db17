"""Lines from other processes to the command's error output; the handlers are put on a logger of the test's own."""

import io
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventually import eventually
from model_lifecycle.serving.log_lines import PACKAGE, PipeHandler, send_lines, told_lines

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")

SENDER = f"""
import logging, sys
from pathlib import Path
from model_lifecycle.serving.log_lines import send_lines
folder = Path(sys.argv[1])
send_lines(folder)
send_lines(folder)
sys.stderr = None
logging.getLogger("{PACKAGE}.somewhere").info("heard %d times", 1)
logging.getLogger("{PACKAGE}.somewhere").debug("never heard")
"""


@pytest.fixture(autouse=True)
def _handlers_stay_as_they_were() -> Iterator[None]:
    logger = logging.getLogger(PACKAGE)
    before = [*logger.handlers], logger.level
    yield
    assert ([*logger.handlers], logger.level) == before


def pipe_handler(folder: Path) -> PipeHandler:
    (pipe,) = folder.iterdir()
    return PipeHandler(pipe)


def tell(handler: PipeHandler, message: str) -> None:
    handler.handle(logging.makeLogRecord({"msg": message, "name": PACKAGE, "levelname": "ERROR", "levelno": 40}))


def test_what_another_process_logs_is_in_the_output_once_with_time_level_and_process(tmp_path: Path) -> None:
    output = io.StringIO()
    with told_lines(tmp_path, output):
        sent = subprocess.run([sys.executable, "-c", SENDER, tmp_path], check=True, capture_output=True)
        eventually(lambda: "heard" in output.getvalue())
    assert (sent.stdout, sent.stderr) == (b"", b"")
    (line,) = output.getvalue().splitlines()
    assert line.partition(" INFO ")[2].partition(" ")[2] == "model_lifecycle.somewhere: heard 1 times"


def test_the_commands_own_last_line_is_told_before_the_end(tmp_path: Path) -> None:
    output = io.StringIO()
    with told_lines(tmp_path, output):
        logging.getLogger(f"{PACKAGE}.x").warning("the last")
    assert output.getvalue().endswith(" model_lifecycle.x: the last\n")


def test_a_line_that_comes_again_and_again_is_told_every_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, now = io.StringIO(), [0.0]
    monkeypatch.setattr("model_lifecycle.serving.log_lines.time.monotonic", lambda: now[0])
    logger = logging.getLogger(f"{PACKAGE}.x")
    with told_lines(tmp_path, output):
        for now[0] in (0.0, 1.0, 9.9, 10.0, 11.0):
            logger.error("the store is away at %s", "a place")
        logger.error("it is back")
        logger.error("the store is away at %s", "a place")
    told = [line.rpartition(": ")[2] for line in output.getvalue().splitlines()]
    assert told == ["the store is away at a place"] * 2 + ["it is back", "the store is away at a place"]


def test_the_pipe_is_its_owners_alone(tmp_path: Path) -> None:
    with told_lines(tmp_path, io.StringIO()):
        (pipe,) = tmp_path.iterdir()
        assert stat.filemode(pipe.stat().st_mode) == "prw-------"


def test_lines_of_any_length_and_script_arrive_each_as_one(tmp_path: Path) -> None:
    output = io.StringIO()
    with told_lines(tmp_path, output):
        handler = pipe_handler(tmp_path)
        tell(handler, "first\nzweite Zeile: größer\n" + "é" * 10_000)
        handler.close()
        eventually(lambda: len(output.getvalue().splitlines()) == 3)
    first, second, third = output.getvalue().splitlines()
    assert first.endswith(": first")
    assert second == "zweite Zeile: größer"
    assert set(third) <= {"é", "\N{REPLACEMENT CHARACTER}"}


def test_whoever_writes_neither_waits_nor_fails_when_nobody_reads(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    reading = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    handler = pipe_handler(tmp_path)
    for number in range(2_000):  # more than a pipe takes
        tell(handler, f"{number:100}")
    os.close(reading)
    tell(handler, "nobody is there any more")
    handler.close()
    tell(handler, "it is closed")
    send_lines(tmp_path)  # nobody reads: no handler


def test_an_output_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    output = io.StringIO()
    with told_lines(tmp_path, output):
        output.close()
        handler = pipe_handler(tmp_path)
        for number in range(2_000):
            tell(handler, f"{number:100}")
        handler.close()
