"""Commands end an expected error in one clear message and let a bug speak for itself."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from model_lifecycle.commands import CommandGroup, expected_message
from model_lifecycle.errors import ContractError, LifecycleError


def _group(error: BaseException) -> CommandGroup:
    @click.command
    def fail() -> None:
        raise error

    return CommandGroup(commands={"fail": fail})


def test_an_error_of_ours_is_one_message_and_exit_code_1() -> None:
    done = CliRunner().invoke(_group(ContractError("table 'a': found 1; expected 2")), ["fail"])
    assert (done.exit_code, done.output) == (1, "Error: table 'a': found 1; expected 2\n")


def test_ctrl_c_is_exit_code_130() -> None:
    done = CliRunner().invoke(_group(KeyboardInterrupt()), ["fail"])
    assert (done.exit_code, done.output) == (130, "\nInterrupted; what was finished before stays as it is.\n")


def test_a_command_that_is_told_to_end_ends_as_after_ctrl_c() -> None:
    @click.command
    def wait() -> None:
        signal.raise_signal(signal.SIGTERM)

    done = CliRunner().invoke(CommandGroup(commands={"wait": wait}), ["wait"])
    assert done.exit_code == 130
    assert "SIGTERM: the command ends" in done.output


def test_a_bug_is_let_through() -> None:
    bug = ValueError("a mistake in the code")
    assert CliRunner().invoke(_group(bug), ["fail"]).exception is bug


def test_an_error_of_ours_that_caused_another_is_told_itself() -> None:
    outer = RuntimeError("somewhere in the catalog")
    outer.__cause__ = LifecycleError("the place")
    assert expected_message(outer) == "the place"


def test_a_command_is_imported_only_when_it_is_called() -> None:
    group = CommandGroup(lazy={"run": "kedro.no_such_module:run"})
    assert group.list_commands(click.Context(group)) == ["run"]
    with pytest.raises(ModuleNotFoundError, match=r"kedro\.no_such_module"):
        group.get_command(click.Context(group), "run")


def test_a_command_whose_library_is_not_installed_is_left_out() -> None:
    group = CommandGroup(lazy={"run": "no_such_library.cli:run"})
    assert group.list_commands(click.Context(group)) == []


def test_the_command_line_needs_no_kedro(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from importlib.abc import MetaPathFinder\n"
        "class Hidden(MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'kedro', 'omegaconf'}: raise ModuleNotFoundError(name=name)\n"
        "import importlib.util as u; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'kedro' else real(name, *a)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "sys.argv = ['model_lifecycle', '--help']\n"
        "from model_lifecycle.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage: python -m model_lifecycle" in done.stdout
    assert "catalog" not in done.stdout
