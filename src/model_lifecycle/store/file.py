"""The SQLite file that was opened: what is written to it is lost once another one, or none, stands at its path."""

from pathlib import Path

from model_lifecycle.errors import StoreUnavailable


class StoreFile:
    """A file that exists, by device and inode.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self._opened = self._found()

    def in_place(self) -> bool:
        """Return whether its path still leads to it; this takes some microseconds."""
        try:
            return self._found() == self._opened
        except OSError:
            return False

    def check(self) -> None:
        """Refuse to go on without it.

        Raises
        ------
        StoreUnavailable
            If its path leads to another file, or to none.
        """
        if not self.in_place():
            raise StoreUnavailable(
                "the file was replaced, moved or deleted since it was opened; put it back, or start again with the "
                "one that is there now"
            )

    def _found(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_dev, status.st_ino
