"""A worker on Kafka as `refold run` starts it: a member of the consumer group, with its probes,
metrics and traces as the settings say.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from gateway.cli.context import Context
from gateway.config import Config
from gateway.structured_logs import set_up_logging
from log.interface import Log
from processors.core.system import System
from processors.core.workers.monitor import Monitor
from processors.core.workers.running import SnapshotPolicy
from processors.core.workers.tracing import open_tracing

if TYPE_CHECKING:
    from processors.core.workers.group import GroupWorker


@contextmanager
def member(
    config: Config, log: Log, systems: Sequence[System], health_port: int
) -> "Iterator[GroupWorker]":
    """A worker that joins; on the way out it snapshots, gives its partitions up and leaves."""
    from log.backends.kafka import KafkaLog
    from processors.core.workers.group import GroupWorker

    assert isinstance(log, KafkaLog)
    with ExitStack() as stack:
        monitor = Monitor()
        if health_port:
            from processors.core.workers.health import HealthServer
            from processors.core.workers.prometheus import PrometheusMonitor

            monitor = PrometheusMonitor()
            stack.enter_context(HealthServer(monitor, health_port))
        tracing = None
        if config.tracing_endpoint:
            tracing = open_tracing(config.tracing_endpoint, "kafka")
            stack.callback(tracing.close)
        worker = GroupWorker(
            log,
            systems,
            group=config.group,
            snapshots=Context(config).snapshots,
            policy=SnapshotPolicy(
                every_commands=config.snapshot_every_commands, every_s=config.snapshot_every_s
            ),
            standby=config.standby,
            session_timeout_s=config.session_timeout_s,
            monitor=monitor,
            tracing=tracing.of_task if tracing else None,
        )
        yield stack.enter_context(worker)


def run_member(
    config: Config,
    names: Sequence[str],
    until_idle: bool,
    partitions: Sequence[int],
    stop: threading.Event,
) -> None:
    """In a process of several: another member. `partitions` tells only which process this is: the
    one that has the first answers probes, as they share the port."""
    set_up_logging(config.log_format)
    context = Context(config)
    systems = [context.find(name).system for name in names]
    health_port = config.health_port if 0 in partitions else 0
    with (
        context.open_log(create=True) as log,
        member(config, log, systems, health_port) as worker,
    ):
        worker.run(until_idle=until_idle, stop=stop)
