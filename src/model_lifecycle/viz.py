"""``python -m model_lifecycle viz``: the pipelines in kedro-viz, served from this process.

``kedro viz run`` asks the package index for a newer version of itself at every start, and serves from a second process
whose errors, and whose Ctrl-C, end in tracebacks. The server is the same.
"""

import os
import sys
import threading
import warnings
import webbrowser
from contextlib import suppress
from pathlib import Path

import click

from model_lifecycle.errors import ConfigurationError

_HOST = "127.0.0.1"
_BROWSER_SECONDS = 3.0


@click.command()
@click.option("--port", type=int, default=4141, show_default=True, help="Port to listen on.")
@click.option("--browser/--no-browser", default=None, help="Open a browser; by default where there is a screen.")
def viz(port: int, browser: bool | None) -> None:
    """Look at the pipelines in kedro-viz, on loopback, until Ctrl-C."""
    from model_lifecycle.serving.ports import check_port_free

    check_port_free(_HOST, port)
    project = Path.cwd()
    if not (project / "pyproject.toml").is_file():
        raise ConfigurationError(f"{project}: no pyproject.toml, expected the project's folder")
    # kedro-viz answers with a class that its own library has deprecated; nothing here can change that.
    warnings.filterwarnings("ignore", message="ORJSONResponse is deprecated")
    try:
        from kedro.framework.startup import bootstrap_project
        from kedro_viz.server import run_server
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"{error.name} is not installed; expected the environment of `make setup`") from error

    package = bootstrap_project(project).package_name
    url = f"http://{_HOST}:{port}/"
    click.echo(f"kedro-viz is starting on {url}; Ctrl-C stops")
    if _has_screen() if browser is None else browser:
        opened = threading.Timer(_BROWSER_SECONDS, webbrowser.open_new, (url,))
        opened.daemon = True
        opened.start()
    with suppress(KeyboardInterrupt):  # the server has ended in order by then
        run_server(host=_HOST, port=port, project_path=str(project), package_name=package)
    click.echo("stopped")


def _has_screen() -> bool:
    """Tell whether a browser could open here: not on a server that is reached over a terminal."""
    return sys.platform in {"darwin", "win32"} or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
