"""``python -m model_lifecycle release``: the releases of a case listed, shown, compared, promoted and rolled back."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar

import click

from model_lifecycle.errors import ConfigurationError, StoreError
from model_lifecycle.locations import case_name

if TYPE_CHECKING:
    from model_lifecycle.registry import Registry

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _of_registry(command: _Command) -> _Command:
    """Let the command be told which registry is meant."""
    command = click.option("--registry", "uri", help="MLflow URI; the configured registry by default.")(command)
    return click.option("--env", envvar="KEDRO_ENV", help="Kedro environment whose registry is meant.")(command)


def _answered_for(command: _Command) -> _Command:
    """Ask who does it and why, and let the command be told which audit trail is meant."""
    command = click.option("--store", help="Database URL of the audit trail; the configured store by default.")(command)
    command = click.option("--reason", required=True, help="Why; kept in the registry.")(command)
    return click.option("--by", required=True, metavar="PERSON", help="Who answers for it; kept in the registry.")(
        command
    )


@click.group()
def release() -> None:
    """Releases of the case: what is registered, which one is live, and moving it by hand."""


@release.command("list")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of a table.")
@_of_registry
def list_(as_json: bool, uri: str | None, env: str | None) -> None:
    """List the registered releases, newest first."""
    import json

    from model_lifecycle.datasets.registered import registered_releases
    from model_lifecycle.datasets.release_text import list_json, list_text

    registry = _registry(uri, env)
    found = registered_releases(registry)
    if as_json:
        click.echo(json.dumps(list_json(found), indent=2, allow_nan=False))
    elif not found:
        click.echo(f"case {registry.name!r} has no release yet; `kedro run` makes one")
    else:
        click.echo(list_text(found))


@release.command()
@click.argument("name")
@_of_registry
def show(name: str, uri: str | None, env: str | None) -> None:
    """Show the verdict, gates, figures and threshold of release NAME, and where its card lies."""
    from model_lifecycle.datasets.registered import find_release
    from model_lifecycle.datasets.release_text import show_text

    click.echo(show_text(find_release(_registry(uri, env), name)))


@release.command()
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@_of_registry
def compare(left: str, right: str, uri: str | None, env: str | None) -> None:
    """Put the figures of releases A and B side by side, and say how far they can be compared."""
    from model_lifecycle.datasets.registered import find_release
    from model_lifecycle.datasets.release_text import compare_text

    registry = _registry(uri, env)
    click.echo(compare_text(find_release(registry, left), find_release(registry, right)))


@release.command()
@click.argument("name")
@_answered_for
@click.option("--override", is_flag=True, help="Pass by gates of the evaluation that failed; needs a whole reason.")
@_of_registry
def promote(
    name: str, by: str, reason: str, override: bool, store: str | None, uri: str | None, env: str | None
) -> None:
    """Make the registered release NAME the champion. A running service takes it up by itself.

    A release with a failed gate is refused without --override; one that is damaged, or was not proven in a real
    service, is refused always.
    """
    from model_lifecycle.datasets.registered import promote_by_hand

    registry = _registry(uri, env)
    before = registry.champion()
    promoted = promote_by_hand(registry, name, by, reason, override=override)
    if promoted is None:
        click.echo(f"{name} is the champion already; nothing is changed")
        _tell(registry, store, uri, env)
        return
    replaced = "the first champion" if before is None else f"replaces {before.release_id}, which a rollback brings back"
    click.echo(f"{name} is the champion: verified, {replaced}")
    if promoted.failed:
        click.echo(f"overridden by {by}: {', '.join(gate['gate'] for gate in promoted.failed)}")
    _tell(registry, store, uri, env)


@release.command()
@_answered_for
@_of_registry
def rollback(by: str, reason: str, store: str | None, uri: str | None, env: str | None) -> None:
    """Bring back the release before the champion. A running service takes it up by itself."""
    registry = _registry(uri, env)
    withdrawn = registry.champion()
    target = registry.rollback(reason, by)
    gone = "" if withdrawn is None or withdrawn.version == target.version else f", {withdrawn.release_id} is withdrawn"
    click.echo(f"{target.release_id} is the champion again: verified{gone}")
    _tell(registry, store, uri, env)


def _registry(uri: str | None, env: str | None) -> "Registry":
    """Return the registry of the chosen case, as configured unless it is given."""
    from model_lifecycle.registry import Registry

    return Registry(_configured("registry", env) if uri is None else uri, case_name())


def _configured(place: str, env: str | None) -> str:
    if find_spec("kedro") is None:
        raise ConfigurationError(f"kedro is not installed; give --{place}, the configuration is read with it")
    from model_lifecycle.configuration import CaseConfigLoader
    from model_lifecycle.settings import CONFIG_LOADER_ARGS

    options: dict[str, Any] = {**CONFIG_LOADER_ARGS}
    return str(CaseConfigLoader("conf", env, **options)["globals"][place])


def _tell(registry: "Registry", store: str | None, uri: str | None, env: str | None) -> None:
    """Tell the audit trail; who names another registry names its store as well, the configured one is not its own."""
    from model_lifecycle.datasets.told_moves import tell_moves

    if store is None and uri is not None:
        click.echo("no audit trail is told: expected --store beside --registry; the registry keeps the move", err=True)
        return
    try:
        tell_moves(registry, _configured("store", env) if store is None else store)
    except StoreError as error:
        raise StoreError(
            f"the champion is as said above, and the registry keeps the move, but the audit trail does not tell it yet "
            f"({error}); the next promotion or rollback by hand tells it, this one is not to be repeated"
        ) from error
