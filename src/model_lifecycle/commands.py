"""Commands that load when they are called and end an expected error in one clear message.

This module imports neither Kedro nor anything heavy: the service runs it without Kedro installed, and every
``kedro`` command imports it.
"""

import copy
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import click

from model_lifecycle.errors import LifecycleError
from model_lifecycle.interrupting import TOLD_TO_END, interrupted_by

_log = logging.getLogger(__name__)
_INTERRUPTED = 130  # what a shell reports for a process that Ctrl-C ended

# Where Kedro checks the names of pipelines and nodes that a command line gives.
_KEDRO_NAME_CHECKS = frozenset(
    {"kedro.framework.project", "kedro.framework.session.session", "kedro.pipeline.pipeline"}
)

# Kedro's own commands, taken into the group so that their errors are told in one message, too.
KEDRO_COMMANDS = {
    "catalog": "kedro.framework.cli.catalog:catalog",
    "registry": "kedro.framework.cli.registry:registry",
    "run": "kedro.framework.cli.project:run",
}


class CommandGroup(click.Group):
    """A group whose commands are imported when called and whose expected errors need no traceback.

    Parameters
    ----------
    *arguments, **options
        Passed to `click.Group`.
    lazy : mapping of str to str
        A command's name to where it lives, ``module:attribute``. One that needs Kedro is left out where Kedro is not
        installed.
    """

    def __init__(self, *arguments: Any, lazy: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lazy = {name: place for name, place in (lazy or {}).items() if find_spec(place.split(".")[0])}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *self._lazy})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name, guarded against tracebacks."""
        command = self._load(cmd_name) if cmd_name in self._lazy else super().get_command(ctx, cmd_name)
        return None if command is None else _guarded(command)

    def _load(self, name: str) -> click.Command:
        module, attribute = self._lazy[name].split(":")
        if module.startswith("kedro."):
            _configure_project()
        command: click.Command = getattr(import_module(module), attribute)
        return command


@contextmanager
def one_clear_message() -> Iterator[None]:
    """End an expected error as one message and exit code 1, Ctrl-C as exit code 130; let the others through.

    SIGTERM and SIGHUP are taken for Ctrl-C: a run that dies of them would leave the service that it tests.
    The traceback goes to the log at debug level.
    """
    try:
        with interrupted_by(TOLD_TO_END, lambda name: click.echo(f"\n{name}: the command ends", err=True)):
            yield
    except KeyboardInterrupt:
        click.echo("\nInterrupted; what was finished before stays as it is.", err=True)
        sys.exit(_INTERRUPTED)
    except Exception as error:
        message = expected_message(error)
        if message is None:
            raise
        _log.debug("the command failed", exc_info=error)
        raise click.ClickException(message) from error


def expected_message(error: BaseException) -> str | None:
    """Return what to tell the user of an error this project expects, None for anything else.

    An error of ours that caused a wrapping one is told itself: it names the place.
    """
    link: BaseException | None = error
    while link is not None:
        if isinstance(link, LifecycleError):
            return str(link)
        link = link.__cause__
    return str(error) if isinstance(error, _expected_of_kedro()) or _refused_by_kedro(error) else None


def _configure_project() -> None:
    """Tell Kedro which package this is, unless its own entry point has done so."""
    project = import_module("kedro.framework.project")
    if project.PACKAGE_NAME is None:
        project.configure_project(__package__)


def _expected_of_kedro() -> tuple[type[Exception], ...]:
    """Return the errors with which Kedro refuses bad input; none if Kedro was never loaded."""
    names = {
        "kedro.io.core": ("DatasetError",),
        "kedro.config.abstract_config": ("MissingConfigException", "BadConfigException"),
        "kedro.validation.exceptions": ("ParameterValidationError",),
        "omegaconf.errors": ("OmegaConfBaseException",),
    }
    loaded = {name: sys.modules[name] for name in names if name in sys.modules}
    return tuple(getattr(module, kind) for name, module in loaded.items() for kind in names[name])


def _refused_by_kedro(error: BaseException) -> bool:
    """Return whether Kedro's own code raised this plain error: for a pipeline or node name that does not exist."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = trace.tb_frame.f_globals.get("__name__") if trace else None
    unknown = isinstance(error, ValueError) or (isinstance(error, ImportError) and error.__cause__ is None)
    return unknown and place in _KEDRO_NAME_CHECKS  # an import error with a cause is a bug in a pipeline's module


def _guarded(command: click.Command) -> click.Command:
    guarded = copy.copy(command)

    def invoke(ctx: click.Context) -> Any:
        with one_clear_message():
            return command.invoke(ctx)

    guarded.invoke = invoke  # type: ignore[method-assign]
    return guarded
