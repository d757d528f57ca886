"""What commands share: the options `--log` and `--json`, and the settings, systems and log in use.

A command begins with `context = load_context(log)`, and takes the rest from there.
"""

import dataclasses
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.config import Config, load_config, nearest
from log.backends.file import FileLog
from log.backends.file.log import MARKER_NAME
from log.interface import Log
from processors.core.registry import Registered, Registry, UnknownSystem
from processors.core.system import System

LogOption = Annotated[
    Path | None,
    typer.Option(
        "--log",
        metavar="DIR",
        help="The log's folder.  [default: .refold; REFOLD_LOG; `log` in refold.toml]",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON to stdout, and only that.")]
SystemArgument = Annotated[
    str, typer.Argument(metavar="SYSTEM", help="Its name (`markets.exchange`), or the last part.")
]


@dataclass(frozen=True)
class Context:
    """The settings in force, and what they lead to."""

    config: Config

    @cached_property
    def registry(self) -> Registry:
        """All systems. CommandFailed where a user's package fails as it is imported."""
        try:
            return Registry(self.config.systems)
        except UnknownSystem:
            raise
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            raise CommandFailed(
                f"a package of `systems` fails as it is imported: {error!r} "
                f"({place.filename}, line {place.lineno})"
            ) from error

    def find(self, name: str) -> Registered:
        """A system by its name, set up as the settings say; UnknownSystem names the nearest."""
        registered = self.registry.find(name)
        settings = {"durability": self.config.durability, **registered.system.topic_settings}
        system = dataclasses.replace(registered.system, topic_settings=settings)
        return dataclasses.replace(registered, system=system)

    def registered(self) -> list[Registered]:
        """All systems, set up as the settings say."""
        return [self.find(each.system.name) for each in self.registry]

    @property
    def snapshots(self) -> Path:
        return self.config.log / "snapshots"

    def open_log(self, *, create: bool = False) -> Log:
        """The log in its folder. Where there is none, CommandFailed unless it may be made."""
        if not create and not (self.config.log / MARKER_NAME).is_file():
            raise CommandFailed(
                f"there is no log in {self.config.log}: name its folder with --log, or make one "
                "with `refold append` or `refold demo`",
                ExitCode.BAD_INPUT,
            )
        return FileLog(self.config.log)


def load_context(log: Path | None = None) -> Context:
    """The settings in force, with what the command line gave on top."""
    return Context(load_config({"log": None if log is None else str(log)}))


def check_on_log(system: System, log: Log) -> int:
    """How many partitions the system has on the log; CommandFailed where it is not there."""
    config = log.topics().get(system.commands_topic)
    if config is None or system.events_topic not in log.topics():
        raise CommandFailed(
            f"the log holds nothing of {system.name}: append to it first (`refold append "
            f"{system.name}`), or name another log with --log"
        )
    return config.partitions


def find_topic(log: Log, name: str) -> str:
    """A topic by its name, or by an ending of it that only one topic has (`exchange.events`)."""
    topics = log.topics()
    if name in topics:
        return name
    endings = [topic for topic in topics if topic.endswith(f".{name}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise CommandFailed(f"topic {name!r} could be {' or '.join(endings)}: give the full name")
    raise CommandFailed(f"there is no topic {name!r} in this log: {nearest(name, topics)}")
