"""What the readers of recorded data share: lines in, options, errors, and the summary.

file (plain or gzip) ─► read_lines ─► lobster | arca | ... ─► (timestamp in ms, command) ─► the log
"""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BufferedIOBase, BufferedReader
from pathlib import Path
from traceback import clear_frames
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from log.envelope import Command

GZIP_MAGIC = b"\x1f\x8b"
LINE_BYTES_MAX = 1 << 16
FIELD_LENGTH_MAX = 40


class BadRecording(Exception):
    """A file that is not what it should be: which, on which line, in which field, and what to do.

    `line` counts from 1, a header line included; 0 where the file as a whole is at fault.
    """

    def __init__(self, path: Path, line: int, field: str, reason: str, advice: str) -> None:
        self.path = path
        self.line = line
        self.field = field
        self.reason = reason
        self.advice = advice
        place = f"{path}, line {line}" if line else str(path)
        super().__init__(f"{place}: {field}: {reason}; {advice}")


@dataclass(frozen=True, kw_only=True)
class RecordingOptions:
    """What a recording does not say itself, or what is to replace what it says."""

    instrument: str | None = None
    """None: from the file's name."""
    day: date | None = None
    """None: from the file's name."""
    zone: str = "UTC"
    """Where the recording's midnight is. Recordings give seconds after the exchange's midnight;
    by default that wall clock is written down as if it were UTC, so that 34200 reads 09:30
    everywhere. `America/New_York` gives the true instants of a US exchange."""
    orderbook: Path | Literal["beside", "none"] = "beside"
    """LOBSTER: the orderbook file; by default the one beside the message file, if there is."""


@dataclass
class Summary:
    """What a reader has read and made so far; complete once its commands are used up."""

    messages: Counter[str] = field(default_factory=Counter)
    """Rows of the recording by type."""
    commands: Counter[str] = field(default_factory=Counter)
    """Commands by type."""
    remarks: Counter[str] = field(default_factory=Counter)
    """What was inferred, and what the recording says that no matching engine could do."""


class Recording:
    """An opened recording. `rows` may be gone through once; `commands` is the same, flat."""

    def __init__(
        self,
        summary: Summary,
        rows: Iterator[tuple[int, int, list[Command]]],
        fraction_done: Callable[[], float],
    ) -> None:
        self.summary = summary
        self.rows = rows
        """(row of the recording from 1, timestamp in ms since 1970, its commands, maybe none)."""
        self.fraction_done = fraction_done
        """How much of the work is done, from 0 to 1; also moves between two commands."""

    def commands(self) -> Iterator[tuple[int, Command]]:
        """(timestamp in ms since 1970, command). Raises BadRecording."""
        try:
            for _, at, commands in self.rows:
                for command in commands:
                    self.summary.commands[type(command).__name__] += 1
                    yield at, command
        except BadRecording as error:
            clear_frames(error.__traceback__)  # they hold the file, which is closed with them
            raise


class LineReader:
    """The fields of each line of a comma-separated file, plain or gzip, and how far it has come.

    A first line in which no field is a number is taken for a header. Nothing else is skipped.
    """

    def __init__(self, path: Path, columns: Callable[[list[str]], str | None]) -> None:
        """`columns` says what is wrong with a line's number of fields, if anything."""
        self.path = path
        self._columns = columns
        self._raw: BufferedReader | None = None
        self._read_whole = False
        try:
            self._size = max(path.stat().st_size, 1)
        except OSError as error:
            raise _unreadable(path, error) from error

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        """(line number from 1, fields)."""
        number = 0
        with self._errors_located(lambda: number), self._open() as lines:
            while line := lines.readline(LINE_BYTES_MAX):
                number += 1
                text = line.decode("ascii").rstrip("\r\n")
                fields = text.split(",")
                wrong = self._columns(fields)
                if not text.isprintable():
                    wrong = "there are bytes in it that are not text"
                elif max(map(len, fields)) > FIELD_LENGTH_MAX:
                    wrong = f"a field in it is longer than {FIELD_LENGTH_MAX} characters"
                if wrong is not None:
                    raise BadRecording(
                        self.path,
                        number,
                        "columns",
                        wrong,
                        "check that this is the right file, and whole",
                    )
                if number == 1 and not any(map(_is_number, fields)):
                    continue
                yield number, fields

    @contextmanager
    def _open(self) -> Iterator[BufferedIOBase]:
        with self.path.open("rb") as raw:
            self._raw = raw
            if raw.peek(2)[:2] == GZIP_MAGIC:
                with gzip.open(raw) as unpacked:
                    yield unpacked
            else:
                yield raw
            self._read_whole = True
        self._raw = None

    @contextmanager
    def _errors_located(self, line: Callable[[], int]) -> Iterator[None]:
        """Say of what the file system and gzip complain about where it is."""
        try:
            yield
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadRecording(
                self.path,
                line() + 1,
                "gzip",
                f"the compressed data is cut off or damaged ({error})",
                "get the file again; nothing of it was used beyond the line before",
            ) from error
        except UnicodeDecodeError as error:
            raise BadRecording(
                self.path,
                line(),
                "columns",
                "this is not a text file",
                "give the CSV file, plain or as .gz",
            ) from error
        except OSError as error:
            raise _unreadable(self.path, error) from error

    @property
    def fraction_done(self) -> float:
        """Of the bytes on disk, the last time that they were read."""
        if self._raw is None:
            return 1.0 if self._read_whole else 0.0
        return min(self._raw.tell() / self._size, 1.0)


def _is_number(field: str) -> bool:
    return field.lstrip("-").replace(".", "", 1).isdigit()


def _unreadable(path: Path, error: OSError) -> BadRecording:
    reason = error.strerror or str(error)
    return BadRecording(path, 0, "file", reason, "check the path and that it may be read")


def midnight_ms(path: Path, day: date, zone: str) -> int:
    """The recording's midnight in ms since 1970."""
    try:
        local = UTC if zone == "UTC" else ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadRecording(
            path, 0, "zone", f"{zone!r} is no time zone", "name one like America/New_York, or UTC"
        ) from error
    midnight = datetime(day.year, day.month, day.day, tzinfo=local)
    return int(midnight.timestamp()) * 1000


@dataclass(frozen=True)
class Importer:
    """One format, as `refold import` lists and calls it."""

    open: Callable[[Path, RecordingOptions], Recording]
    system: str
    """The system that its commands are for."""
    description: str
