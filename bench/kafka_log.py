"""The broker of the benchmarks on Kafka, and a log of a run's own on it.

The broker is the one that `--broker` or TEST_KAFKA names; else the script that KAFKA_TOOLS names
starts one for the run (`start PORT`, and `wipe PORT` at the end). Where there is neither, a
benchmark says so and ends with exit code NOT_RUN. Topics and groups have a prefix of the run's
own, and are deleted at the end.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from confluent_kafka.admin import AdminClient

from bench.harness import NOT_RUN, Options
from log.backends.kafka import KafkaLog

ANSWER_S = 30.0


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--broker",
        default=os.environ.get("TEST_KAFKA", ""),
        metavar="HOST:PORT",
        help="the broker (TEST_KAFKA); else one is started by the script that KAFKA_TOOLS names",
    )


def not_run(reason: str) -> NoReturn:
    print(reason, file=sys.stderr)
    sys.exit(NOT_RUN)


@contextmanager
def running_broker(options: Options, port: int = 0) -> Iterator[str]:
    """The address of a broker that answers; one that is started here listens on `port`, or on one
    that is free."""
    if options.broker:
        yield options.broker
        return
    tools = os.environ.get("KAFKA_TOOLS")
    if not tools or not shutil.which("java"):
        not_run(
            "no broker: name one by --broker HOST:PORT or TEST_KAFKA, or a script that starts one "
            "by KAFKA_TOOLS (with Java), or leave this benchmark out"
        )
    at = str(port or _free_port())
    subprocess.run([tools, "start", at], check=True, stdout=sys.stderr)
    try:
        yield f"127.0.0.1:{at}"
    finally:
        subprocess.run([tools, "wipe", at], check=True, stdout=sys.stderr)


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@contextmanager
def new_log(address: str) -> Iterator[KafkaLog]:
    """A log without a topic on the broker; gone afterwards."""
    with KafkaLog({"bootstrap.servers": address}, prefix=f"bench-{uuid.uuid4().hex[:8]}.") as log:
        try:
            yield log
        finally:
            delete_all(address, log.prefix)


def delete_all(address: str, prefix: str) -> None:
    """The topics and groups whose names begin so; a group that is not empty yet is left."""
    admin = AdminClient({"bootstrap.servers": address})
    topics = [it for it in admin.list_topics(timeout=ANSWER_S).topics if it.startswith(prefix)]
    listed = admin.list_consumer_groups().result(ANSWER_S).valid
    groups = [it.group_id for it in listed if it.group_id.startswith(prefix)]
    if topics:
        for deleted in admin.delete_topics(topics).values():
            deleted.result(ANSWER_S)
    if groups:
        for deleted in admin.delete_consumer_groups(groups).values():
            deleted.exception(ANSWER_S)
