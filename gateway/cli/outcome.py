"""How a command ends: exit codes, and one line on stderr for every expected error.

Commands let errors pass; `main` turns each into a line and a code here. An exception that is not
expected is a bug, and keeps its traceback.
"""

import sys
from enum import IntEnum

from gateway.config import ConfigError
from log.errors import InvalidConfig, InvalidRecord, LogError, OffsetOutOfRange, UnknownTopic
from projections.core.errors import ProjectionError, QueryError


class ExitCode(IntEnum):
    """What a script can tell from the exit code; the help of `refold` lists the same."""

    OK = 0
    FOUND = 1
    """The command did its work, and found differences or damage."""
    BAD_INPUT = 2
    """Wrong usage, settings or input."""
    REFUSED = 3
    """The log, a broker, a database or the disk refused: in use, damaged, full, not there."""
    RULES_FAILED = 4
    """A system's rules broke a law, and its task stopped."""
    INTERRUPTED = 130
    """Ctrl-C, as for any Unix tool."""
    PIPE_CLOSED = 141
    """The reader of the output went away (`| head`), as for any Unix tool."""


class CommandFailed(Exception):
    """A command cannot go on; the message says what, where, and what to do."""

    def __init__(self, message: str, code: ExitCode = ExitCode.BAD_INPUT) -> None:
        super().__init__(message)
        self.code = code


def exit_code_of(error: Exception) -> ExitCode | None:
    """The exit code for an expected error; None for one that is a bug."""
    from processors.core.registry import UnknownSystem
    from processors.core.task import TaskFailed
    from processors.core.workers.monitor import MonitoringRefused

    match error:
        case CommandFailed():
            return error.code
        case ConfigError() | UnknownSystem() | QueryError():
            return ExitCode.BAD_INPUT
        case InvalidConfig() | InvalidRecord() | OffsetOutOfRange() | UnknownTopic():
            return ExitCode.BAD_INPUT
        case MonitoringRefused():
            return ExitCode.BAD_INPUT
        case TaskFailed():
            return ExitCode.RULES_FAILED
        case LogError() | ProjectionError() | OSError():
            return ExitCode.REFUSED
    return None


def failed(error: Exception) -> int:
    """Say what went wrong, and return the exit code; a bug is raised again."""
    code = exit_code_of(error)
    if code is None:
        raise error
    print_error(error)
    return code


def print_error(message: object) -> None:
    """One line `error: ...` on stderr."""
    line = " ".join(str(message).split())
    print(f"error: {line}", file=sys.stderr, flush=True)
