"""What commands share: the options `--log` and `--json`, and the settings, systems and log in use.

A command begins with `context = load_context(log)`, and takes the rest from there.
"""

import dataclasses
import logging
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.outcome import CommandFailed, ExitCode
from gateway.config import Config, is_url, load_config, nearest, needs_kafka
from log.backends.file import FileLog
from log.backends.file.log import MARKER_NAME
from log.interface import Log
from processors.core.registry import Registered, Registry, UnknownSystem
from processors.core.snapshots import OpenSnapshots, open_snapshots
from processors.core.system import System
from processors.core.workers.monitor import Monitor
from processors.core.workers.running import SnapshotPolicy
from processors.core.workers.tracing import Tracing, open_tracing
from replay.checkpoints import Checkpoints

LogOption = Annotated[
    str | None,
    typer.Option(
        "--log",
        metavar="DIR|URL",
        help="The log's folder, or kafka://HOST:PORT/PREFIX.  [default: .refold; REFOLD_LOG; "
        "`log` in refold.toml]",
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
        return dataclasses.replace(registered, system=self._set_up(registered.system))

    def _set_up(self, system: System) -> System:
        """The system, and those that its reactors lead from and to, as the settings say."""
        settings = {"durability": self.config.durability, **system.topic_settings}
        reactors = tuple(
            dataclasses.replace(
                reactor,
                source=reactor.source and self._set_up(reactor.source),
                target=reactor.target and self._set_up(reactor.target),
            )
            for reactor in system.reactors
        )
        return dataclasses.replace(system, topic_settings=settings, reactors=reactors)

    def registered(self) -> list[Registered]:
        """All systems, set up as the settings say."""
        return [self.find(each.system.name) for each in self.registry]

    @property
    def local_folder(self) -> Path:
        """What this machine keeps beside the log: read models, locks, snapshots by default."""
        return self.config.local_folder

    @property
    def snapshots(self) -> Path | str:
        """Where snapshots are kept: a folder, or an SQLAlchemy URL."""
        where = self.config.snapshots
        if is_url(where):
            return where
        return Path(where) if where else self.local_folder / "snapshots"

    def open_snapshots(self, log: Log) -> OpenSnapshots:
        """Those of the log, by system and partition."""
        return partial(open_snapshots, self.snapshots, scope=log.scope)

    def open_checkpoints(
        self, log: Log, folder: Path | None = None
    ) -> Callable[[System, int], Checkpoints]:
        """Those of the log, by system and partition, with its snapshots beside them. `folder` is
        where they are kept, if not beside the log."""
        where = folder or self.local_folder / "checkpoints"
        beside = self.open_snapshots(log)

        def opened(system: System, partition: int) -> Checkpoints:
            return Checkpoints(
                where, system, partition, log.scope, beside=beside(system, partition)
            )

        return opened

    def open_log(self, *, create: bool = False) -> Log:
        """The log in its folder or on its cluster. Where there is no such folder, CommandFailed
        unless it may be made."""
        folder = self.config.log_folder
        if folder is None:
            return self._open_kafka()
        if not create and not (folder / MARKER_NAME).is_file():
            raise CommandFailed(
                f"there is no log in {folder}: name its folder with --log, or make one "
                "with `refold append` or `refold demo`",
                ExitCode.BAD_INPUT,
            )
        return FileLog(folder)

    def _open_kafka(self) -> Log:
        with needs_kafka():
            from log.backends.kafka import KafkaLog
            from log.backends.kafka.client_settings import check_settings

        # What a command has to say of its failure is one line: the client says it again and again.
        logging.getLogger("refold.kafka").addHandler(logging.NullHandler())
        location = self.config.kafka_location
        check_settings(location.settings)
        return KafkaLog(location.settings, prefix=location.prefix)

    def log_folder(self, instead: str) -> Path:
        """The folder of a file log. CommandFailed for a log on Kafka: what to do `instead`."""
        folder = self.config.log_folder
        if folder is None:
            raise CommandFailed(
                f"the log is on Kafka, and this is for a log in a folder: {instead}"
            )
        return folder


def policy_of(config: Config) -> SnapshotPolicy:
    return SnapshotPolicy(
        every_commands=config.snapshot_every_commands, every_s=config.snapshot_every_s
    )


@contextmanager
def monitored(config: Config, health_port: int) -> Iterator[tuple[Monitor, Tracing | None]]:
    """What a worker is to tell, and its tracing, as the settings say; with its probes and metrics
    served on `health_port`, unless that is 0. Errors: MonitoringRefused."""
    with ExitStack() as stack:
        monitor = Monitor()
        if health_port:
            from processors.core.workers.health import HealthServer
            from processors.core.workers.prometheus import PrometheusMonitor

            monitor = PrometheusMonitor()
            stack.enter_context(HealthServer(monitor, health_port))
        yield monitor, stack.enter_context(traced(config))


@contextmanager
def traced(config: Config) -> Iterator[Tracing | None]:
    """Tracing as the settings say; None where they name no collector."""
    if not config.tracing_endpoint:
        yield None
        return
    system = "kafka" if config.log_folder is None else "refold"
    tracing = open_tracing(config.tracing_endpoint, system)
    try:
        yield tracing
    finally:
        tracing.close()


def load_context(log: str | None = None) -> Context:
    """The settings in force, with what the command line gave on top."""
    return Context(load_config({"log": log}))


def check_on_log(system: System, log: Log) -> int:
    """How many partitions the system has on the log; CommandFailed where it is not there."""
    config = log.topics().get(system.commands_topic)
    if config is None or system.events_topic not in log.topics():
        raise CommandFailed(
            f"the log holds nothing of {system.name}: append to it first (`refold append "
            f"{system.name}`), or name another log with --log"
        )
    return config.partitions


def find_topic(topics: Collection[str], name: str, where: str = "in this log") -> str:
    """A topic by its name, or by an ending of it that only one topic has (`exchange.events`)."""
    if name in topics:
        return name
    endings = [topic for topic in topics if topic.endswith(f".{name}")]
    if len(endings) == 1:
        return endings[0]
    if endings:
        raise CommandFailed(f"topic {name!r} could be {' or '.join(endings)}: give the full name")
    raise CommandFailed(f"there is no topic {name!r} {where}: {nearest(name, topics)}")
