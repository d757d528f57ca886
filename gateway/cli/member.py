"""A worker on Kafka as `refold run` starts it: a member of the consumer group, with its probes,
metrics and traces as the settings say.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.cli.context import Context, monitored, policy_of
from gateway.config import Config
from gateway.structured_logs import set_up_logging
from log.interface import Log
from processors.core.system import System

if TYPE_CHECKING:
    from processors.core.workers.group import GroupWorker


@contextmanager
def member(
    config: Config,
    log: Log,
    systems: Sequence[System],
    health_port: int,
    *,
    simulated: bool = False,
) -> "Iterator[GroupWorker]":
    """A worker that joins; on the way out it snapshots, gives its partitions up and leaves."""
    from log.backends.kafka import KafkaLog
    from processors.core.workers.group import GroupWorker

    assert isinstance(log, KafkaLog)
    with monitored(config, health_port) as (monitor, tracing):
        worker = GroupWorker(
            log,
            systems,
            group=config.group,
            snapshots=Context(config).snapshots,
            policy=policy_of(config),
            standby=config.standby,
            session_timeout_s=config.session_timeout_s,
            monitor=monitor,
            tracing=tracing.of_task if tracing else None,
            settings=config.effects,
            simulated=simulated,
        )
        with worker:
            yield worker


def run_member(
    config: Config,
    names: Sequence[str],
    until_idle: bool,
    simulated: bool,
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
        member(config, log, systems, health_port, simulated=simulated) as worker,
    ):
        worker.run(until_idle=until_idle, stop=stop)
