"""Inside Airbnb's CSV files, read line by line, each value checked where it stands.

listings file ─► ListedUnit, one a line
calendar file ─► (listing, its nights), where the lines of a listing stand together
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal, InvalidOperation
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from gateway.recording import GZIP_MAGIC, BadRecording

MICRODEGREES: Final = 1_000_000
CURRENCIES: Final = {"$": "USD", "€": "EUR", "£": "GBP"}
DAY_ZERO: Final = date(1970, 1, 1).toordinal()
LISTING_COLUMNS: Final = (
    "id",
    "last_scraped",
    "name",
    "host_id",
    "neighbourhood_cleansed",
    "latitude",
    "longitude",
    "room_type",
    "accommodates",
    "amenities",
    "price",
    "minimum_nights",
    "maximum_nights",
    "instant_bookable",
)
CALENDAR_COLUMNS: Final = (
    "listing_id",
    "date",
    "available",
    "price",
    "minimum_nights",
    "maximum_nights",
)


class Price(NamedTuple):
    amount: int
    """In minor units; 0 where none is given."""
    currency: str


class ListedUnit(NamedTuple):
    line: int
    listing: str
    seen: int
    """The day on which it was read from the site."""
    title: str
    host: str
    neighbourhood: str
    latitude_microdegrees: int
    longitude_microdegrees: int
    room_type: str
    capacity: int
    amenities: list[str]
    price: Price
    minimum_nights: int
    maximum_nights: int
    is_instant: bool


class Night(NamedTuple):
    line: int
    night: int
    is_available: bool
    price: Price
    minimum_nights: int
    maximum_nights: int


class CsvFile:
    """A CSV file with a header, plain or gzip, in UTF-8."""

    def __init__(self, path: Path, columns: tuple[str, ...]) -> None:
        self.path = path
        self._columns = columns
        self._raw: io.BufferedReader | None = None
        self._read_whole = False
        try:
            self._size = max(path.stat().st_size, 1)
        except OSError as error:
            raise self.bad(0, "file", error.strerror or str(error), _CHECK_PATH) from error

    @property
    def fraction_done(self) -> float:
        """Of the bytes on disk."""
        if self._raw is None:
            return 1.0 if self._read_whole else 0.0
        return min(self._raw.tell() / self._size, 1.0)

    def bad(
        self,
        line: int,
        field: str,
        reason: str,
        advice: str = "correct the line or get the file again",
    ) -> BadRecording:
        return BadRecording(self.path, line, field, reason, advice)

    def records(self) -> Iterator[tuple[int, dict[str, str]]]:
        """(number of the line on which it ends, value by column)."""
        line = 0
        try:
            with self._opened() as lines:
                reader = csv.DictReader(lines, strict=True)
                self._check_columns(reader.fieldnames or ())
                for record in reader:
                    line = reader.line_num
                    if None in record or None in record.values():
                        reason = "there are more or fewer fields than columns"
                        raise self.bad(line, "columns", reason)
                    yield line, record
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            reason = f"the compressed data is cut off or damaged ({error})"
            raise self.bad(line + 1, "gzip", reason, _GET_AGAIN) from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise self.bad(line + 1, "columns", str(error), _GET_AGAIN) from error

    def _check_columns(self, found: Sequence[str]) -> None:
        missing = [name for name in self._columns if name not in found]
        if missing:
            reason = f"there is no column {missing[0]!r}"
            raise self.bad(1, "columns", reason, "check that this is the right file")

    @contextmanager
    def _opened(self) -> Iterator[io.TextIOWrapper]:
        with self.path.open("rb") as raw:
            self._raw = raw
            packed = raw.peek(2)[:2] == GZIP_MAGIC
            with io.TextIOWrapper(
                gzip.open(raw) if packed else raw, encoding="utf-8", newline=""
            ) as lines:
                yield lines
            self._read_whole = True
        self._raw = None

    def whole(self, line: int, field: str, text: str) -> int:
        if not (text.isascii() and text.isdigit()):
            raise self.bad(line, field, f"{text!r} is not a whole number of 0 or more")
        return int(text)

    def day(self, line: int, field: str, text: str) -> int:
        try:
            return date.fromisoformat(text).toordinal() - DAY_ZERO
        except ValueError:
            raise self.bad(line, field, f"{text!r} is no date like 2024-11-05") from None

    def flag(self, line: int, field: str, text: str) -> bool:
        if text not in ("t", "f"):
            raise self.bad(line, field, f"{text!r} is neither t nor f")
        return text == "t"

    def price(self, line: int, text: str) -> Price:
        """`$1,234.00`; nothing is no price."""
        if not text:
            return Price(0, "")
        currency = CURRENCIES.get(text[0])
        try:
            minor = Decimal(text[1:].replace(",", "")) * 100
        except InvalidOperation:
            minor = Decimal("NaN")
        if currency is None or not minor.is_finite() or minor < 0 or minor != int(minor):
            raise self.bad(line, "price", f"{text!r} is no price like $1,234.00")
        return Price(int(minor), currency)

    def microdegrees(self, line: int, field: str, text: str) -> int:
        try:
            return round(Decimal(text) * MICRODEGREES)
        except (InvalidOperation, ValueError, OverflowError):
            raise self.bad(line, field, f"{text!r} is no number of degrees") from None


_CHECK_PATH: Final = "check the path and that it may be read"
_GET_AGAIN: Final = "get the file again; nothing of it was used beyond the line before"


class ListingsFile(CsvFile):
    def __init__(self, path: Path) -> None:
        super().__init__(path, LISTING_COLUMNS)

    def listings(self) -> Iterator[ListedUnit]:
        for line, record in self.records():
            yield ListedUnit(
                line,
                record["id"],
                self.day(line, "last_scraped", record["last_scraped"]),
                record["name"],
                record["host_id"],
                record["neighbourhood_cleansed"],
                self.microdegrees(line, "latitude", record["latitude"]),
                self.microdegrees(line, "longitude", record["longitude"]),
                record["room_type"].lower(),
                self.whole(line, "accommodates", record["accommodates"]),
                self._amenities(line, record["amenities"]),
                self.price(line, record["price"]),
                self.whole(line, "minimum_nights", record["minimum_nights"]),
                self.whole(line, "maximum_nights", record["maximum_nights"]),
                self.flag(line, "instant_bookable", record["instant_bookable"]),
            )

    def _amenities(self, line: int, text: str) -> list[str]:
        try:
            return msgspec.json.decode(text, type=list[str])
        except msgspec.MsgspecError as error:
            raise self.bad(line, "amenities", f"no list of texts: {error}") from error


class CalendarFile(CsvFile):
    def __init__(self, path: Path) -> None:
        super().__init__(path, CALENDAR_COLUMNS)

    def calendars(self) -> Iterator[tuple[str, list[Night]]]:
        """(listing, its nights in order). The lines of a listing stand together."""
        for listing, group in groupby(self._nights(), itemgetter(0)):
            yield listing, sorted((night for _, night in group), key=lambda each: each.night)

    def _nights(self) -> Iterator[tuple[str, Night]]:
        for line, record in self.records():
            yield (
                record["listing_id"],
                Night(
                    line,
                    self.day(line, "date", record["date"]),
                    self.flag(line, "available", record["available"]),
                    self.price(line, record["price"]),
                    self.whole(line, "minimum_nights", record["minimum_nights"]),
                    self.whole(line, "maximum_nights", record["maximum_nights"]),
                ),
            )
