"""What refold logs, on stderr: lines for people, or JSON lines for machines.

Lines come from Python's loggers (`refold.worker`, `refold.task` ... and those of libraries), with
fields beside the message in `extra={...}`; what is told to a person at the command line (`note:`,
`error:`) does not come through here.
"""

import logging
import sys
import threading
import time
from types import TracebackType
from typing import Any, Literal

import msgspec

OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has: whatever else one has was given as `extra`."""

logger = logging.getLogger("refold.process")


def set_up_logging(log_format: Literal["text", "json"]) -> None:
    """From here on log to stderr: of refold INFO and above, of libraries WARNING and above.

    With "json" also Python's warnings, and errors that end the process or a thread. May be called
    again, with another format.
    """
    handler = _Stderr()
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, _Stderr)]
    root.addHandler(handler)
    logging.getLogger("refold").setLevel(logging.INFO)
    if log_format == "json":
        logging.captureWarnings(True)
        sys.excepthook = _log_crash
        threading.excepthook = _log_thread_crash


class _Lines(logging.Formatter):
    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"


class TextLines(_Lines):
    """`2025-11-21T13:57:00.123Z INFO refold.worker: recovered partition=3 events=1200`."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _extra(record).items())
        return super().formatMessage(record) + fields


class JsonLines(_Lines):
    """An object a line: timestamp (ISO 8601, UTC), level, logger, message, the extra fields, and
    the traceback, if any, as `exception`."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "timestamp": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            fields["stack"] = record.stack_info
        for name, value in _extra(record).items():
            fields.setdefault(name, value)
        try:
            return msgspec.json.encode(fields, enc_hook=str).decode()
        except UnicodeEncodeError:  # such as the name of a file that is not UTF-8
            texts = {name: _ascii(value) for name, value in fields.items()}
            return msgspec.json.encode(texts).decode()


class _Stderr(logging.Handler):
    """A line in one write, to whatever stderr is now."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(self.format(record) + "\n")
            sys.stderr.flush()
        except Exception:
            self.handleError(record)


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in OWN_FIELDS}


def _ascii(value: Any) -> str:
    return str(value).encode("ascii", "backslashreplace").decode()


def _log_crash(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    logger.critical("ended by an error: %r", error, exc_info=(kind, error, trace))


def _log_thread_crash(crash: threading.ExceptHookArgs) -> None:
    if isinstance(crash.exc_value, Exception):
        _log_crash(crash.exc_type, crash.exc_value, crash.exc_traceback)
