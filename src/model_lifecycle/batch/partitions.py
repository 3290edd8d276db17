"""Files of a folder as partitions, read a few rows at a time."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from model_lifecycle.batch.columns import python_values
from model_lifecycle.errors import BatchError
from model_lifecycle.features.records import parse_time

ENDINGS = (".parquet", ".csv", ".csv.gz", ".csv.bz2", ".csv.zst")
_COMPRESSION = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_BLOCK_BYTES = 4 << 20  # of a CSV file at a time: the longest row that can be read
_BUFFER_BYTES = 1 << 20
_SURVEYED_ROWS = 1 << 16


@dataclass(frozen=True)
class Partition:
    """One file to be scored.

    Attributes
    ----------
    root, name : str
        The input folder, and the file's path below it with forward slashes.
    sha256 : str
        Of its bytes.
    stamp : tuple of int
        Size, time of change and number of the file when its bytes were read for that.
    """

    root: str
    name: str
    sha256: str
    stamp: tuple[int, int, int]

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self.root, self.name)

    @property
    def shown(self) -> str:
        """The name as it can be printed and written down anywhere."""
        return shown(self.name)

    def to_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> "Partition":
        """Restore from the fields."""
        return cls(**{**found, "stamp": tuple(found["stamp"])})

    def check_unchanged(self) -> None:
        """Refuse a file that is not the one whose bytes were counted.

        Raises
        ------
        BatchError
            If it was written since.
        """
        if _stamp(self.path) != self.stamp:
            raise BatchError("the file was changed while it was scored; run again when it is finished")


def shown(name: str) -> str:
    r"""Return a file's name as it can be printed anywhere.

    Examples
    --------
    >>> shown("a\nb.csv")
    'a\\nb.csv'
    """
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in name)


def find_partitions(root: Path, pattern: str) -> list[str]:
    """Return the files below a folder by their path in it; what begins with a dot or an underscore is none.

    Raises
    ------
    BatchError
        If the folder is not there, or holds no such file.
    """
    if not root.is_dir():
        raise BatchError(f"input folder {root}: not there; put the files to be scored into it ({_endings()})")
    names = sorted(path.relative_to(root).as_posix() for path in root.glob(pattern) if path.is_file())
    found = [name for name in names if not any(part.startswith((".", "_")) for part in name.split("/"))]
    if not found:
        raise BatchError(f"input folder {root}: no file {pattern!r} in it; expected files to be scored ({_endings()})")
    return found


def identify(root: Path, name: str) -> Partition:
    """Read a file's bytes once, for what they are.

    Raises
    ------
    BatchError
        If the file cannot be read, is empty or of an unknown kind.
    """
    if not name.endswith(ENDINGS):
        raise BatchError(f"unknown kind of file, expected {_endings()}")
    with readable():
        stamp = _stamp(root / name)
        if not stamp[0]:
            raise BatchError("the file is empty (0 bytes)")
        with (root / name).open("rb") as file:
            return Partition(str(root), name, hashlib.file_digest(file, "sha256").hexdigest(), stamp)


def survey(path: Path, time: str, delimiter: str) -> tuple[int, datetime | None]:
    """Count a file's rows and find its earliest decision time, without a look at anything else.

    Returns
    -------
    int, and datetime or None
        None where no row has a time, which scoring will tell.

    Raises
    ------
    BatchError
        If the file cannot be read, holds no rows or names a column twice.
    """
    rows, earliest = 0, None
    with readable(), PartitionReader(path, delimiter, _SURVEYED_ROWS) as reader:
        for batch in reader.batches([time] if time in reader.names else reader.names[:1]):
            rows += batch.num_rows
            if time in reader.names:
                earliest = min(filter(None, (earliest, _earliest(batch.column(0)))), default=None)
    if not rows:
        raise BatchError("the file holds no rows")
    return rows, earliest


@contextmanager
def readable() -> Iterator[None]:
    """Turn what a damaged file raises into one clear error."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
        first = next(iter(str(error).splitlines()), "")
        raise BatchError(f"cannot be read: {first or type(error).__name__}") from error


class PartitionReader:
    """Reads one file as record batches of a bounded size; text for a CSV file, since it has no types.

    Parameters
    ----------
    path : Path
        The file.
    delimiter : str
        Of a CSV file.
    batch_rows : int
        Rows a batch at the most.

    Raises
    ------
    BatchError
        If it names a column twice.
    """

    def __init__(self, path: Path, delimiter: str, batch_rows: int) -> None:
        self.typed = path.suffix == ".parquet"
        self._path, self._delimiter, self._batch_rows = path, delimiter, batch_rows
        self._open = ExitStack()
        try:
            self.names: list[str] = (self._parquet().schema_arrow if self.typed else self._csv([]).schema).names
            twice = sorted({name for name in self.names if self.names.count(name) > 1})
            if twice:
                raise BatchError(f"columns {twice} stand there twice")
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield these columns of all rows, in their order."""
        if self.typed:
            found = self._parquet().iter_batches(self._batch_rows, columns=list(names), use_threads=False)
        else:
            found = self._csv(names)
        for batch in found:
            for start in range(0, batch.num_rows, self._batch_rows):
                yield batch.slice(start, self._batch_rows)

    def _parquet(self) -> Any:
        # Page by page: a row group may be as large as the file.
        return pq.ParquetFile(self._file(), buffer_size=_BUFFER_BYTES, pre_buffer=False)

    def _csv(self, names: Sequence[str]) -> Any:
        stream: Any = self._file()
        if self._path.suffix in _COMPRESSION:
            stream = pa.CompressedInputStream(pa.PythonFile(stream), _COMPRESSION[self._path.suffix])
        return pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            pyarrow.csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=names,
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )

    def _file(self) -> IO[bytes]:
        return self._open.enter_context(self._path.open("rb"))


def _earliest(values: pa.Array) -> datetime | None:
    """Return the earliest time that the contract would take, in UTC."""
    if pa.types.is_timestamp(values.type) and values.type.tz is None:
        return None
    try:
        found = pc.min(values.cast(pa.timestamp("us", "UTC"))).as_py()
    except (pa.ArrowException, OverflowError, ValueError):
        times = [time for value in python_values(values) if (time := parse_time(value)) is not None]
        found = min(times).astype(datetime) if times else None
    return None if found is None else found.replace(tzinfo=UTC)


def _stamp(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _endings() -> str:
    return f"names that end with one of {', '.join(ENDINGS)}"
