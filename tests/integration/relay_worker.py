"""A worker of the relay (`tests/samples/relay.py`) in a process of its own, to be killed:

python -m tests.integration.relay_worker FOLDER
python -m tests.integration.relay_worker HOST:PORT PREFIX
"""

import sys

from log.backends.file import FileLog
from log.backends.kafka import KafkaLog
from processors.core.workers.embedded import Worker
from processors.core.workers.group import GroupWorker
from tests.integration.kafka_workers import SESSION_S
from tests.samples.relay import SYSTEMS


def main(place: str, prefix: str = "") -> None:
    if not prefix:
        with FileLog(place) as log, Worker(log, SYSTEMS) as worker:
            worker.run()
        return
    with (
        KafkaLog({"bootstrap.servers": place}, prefix=prefix) as cluster,
        GroupWorker(cluster, SYSTEMS, session_timeout_s=SESSION_S) as member,
    ):
        member.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
