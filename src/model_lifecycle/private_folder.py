"""A folder for what is this user's alone, whatever the umask: who can write in a folder can replace its files."""

from pathlib import Path

_THIS_USER = 0o700
_READ_BY_ALL = 0o755


def make_private_folder(folder: Path) -> None:
    """Make a folder that this user alone may enter; its absent parents others may read, and not write in.

    What is there already stays as it is.

    Parameters
    ----------
    folder : Path
        The folder.

    Raises
    ------
    OSError
        If it cannot be made, or is something else.
    """
    for parent in reversed(folder.parents):
        if not parent.exists():
            parent.mkdir(mode=_READ_BY_ALL, exist_ok=True)
    folder.mkdir(mode=_THIS_USER, exist_ok=True)
