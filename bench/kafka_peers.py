"""The native worker on Kafka against Faust, Quix Streams and Kafka Streams: one flow, exactly
once.

The peers' sides are not of this project: each is written in its peer's own idiom, with an order
book that matches as the exchange does, in a folder that `--peers` or PEERS names (its README says
how it is built: an environment for each Python peer, Java for Kafka Streams). They take the same
orders from the same broker, in short JSON or in binary, and write what happened in transactions;
each checks what it wrote against a reference. What is timed is from the first command to the last
event that a reader of committed records sees, not the start.

- Faust: an agent that sends its events one by one, `processing_guarantee` exactly once. Its book
  is in memory, and does not survive.
- Quix Streams: `apply` with `expand`, exactly once. Its book does not survive.
- Kafka Streams, exactly once v2: a processor with its book on the heap, which does not survive;
  and one whose open orders are in a RocksDB store with a changelog, as one would write it, so that
  they do.

refold's book survives: it is what the events fold to. All sides take turns; the slower ones decide
a first part of the flow, and what is compared is commands/s. Where the rules are compiled (`make
compiled`), the reach is higher.
"""

import argparse
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from confluent_kafka.admin import AdminClient

from bench.exchange_core import COMPILED
from bench.harness import Options, Row, at_least, best_of, main
from bench.kafka_log import ANSWER_S, arguments, new_log, not_run, running_broker
from bench.kafka_loop import fill, run_worker
from bench.order_flow import commands
from bench.outcome import decide_all

PORT = 29092
ADDRESS = f"127.0.0.1:{PORT}"
"""The one address that the peers' sides know."""
PART = {"faust": 20_000, "quix": 100_000}
"""So many commands of the flow: they take about as long as the task."""
PYTHON_PEERS = {
    "faust": "venv/faust/bin/faust -A app_faust worker -l warn",
    "quix": "venv/quix/bin/python app_quix.py",
}
STREAMS_COMMANDS = 1_000_000
STREAMS = {"heap": (), "store": ("store=rocksdb", "cache=off")}
STREAMS_RESULT = re.compile(r"^RESULT streams .*?commands_per_s=(\d+) ", re.MULTILINE)
NAMES = {
    "faust": "Faust",
    "quix": "Quix Streams",
    "heap": "Kafka Streams, its book does not survive",
    "store": "Kafka Streams, its book survives",
}
REACH = {"faust": 30.0, "quix": 3.5, "heap": 0.8, "store": 1.5}
if COMPILED:
    REACH |= {"heap": 1.0, "store": 2.0}
NEEDED = (
    "commands.csv",
    "python/venv/plain/bin/python",
    "python/venv/faust/bin/faust",
    "python/venv/quix/bin/python",
    "kafka-streams/out/StreamsBench.class",
)
TOPICS = {
    "python": (("py-cmd-20k", "py-cmd-100k"), ("venv/plain/bin/python", "prep.py", "--topics")),
    "kafka-streams": (("jvm-commands",), ("./run.sh", "preload")),
}
"""In which folder, which topics there must be, and what fills them."""
RUN_S = 600.0


def peers_arguments(parser: argparse.ArgumentParser) -> None:
    arguments(parser)
    parser.add_argument(
        "--peers",
        default=os.environ.get("PEERS", ""),
        metavar="FOLDER",
        help="the folder of the peers' sides (PEERS), built as its README says",
    )


def run_in(folder: Path, command: Sequence[str]) -> str:
    """What it printed. RuntimeError, with what it said, where it failed."""
    done = subprocess.run(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{folder.name}: {command}: {done.stdout[-2000:]}")
    return done.stdout


def prepare(peers: Path) -> None:
    """The commands onto topics of the peers' own, once for a broker."""
    found = AdminClient({"bootstrap.servers": ADDRESS}).list_topics(timeout=ANSWER_S).topics
    for folder in ("data", "tmp", "logs"):
        (peers / "python" / folder).mkdir(exist_ok=True)
    for folder, (topics, command) in TOPICS.items():
        if not all(topic in found for topic in topics):
            print(f"filling the topics of {folder}, once ...", file=sys.stderr)
            run_in(peers / folder, command)


def check_reference(peers: Path) -> None:
    """That the peers' reference trades as the exchange does, nearly: here an order whose quantity
    a replace reduces keeps its place in the queue, there it goes to the end."""
    reference: dict[int, Any] = msgspec.json.decode(
        (peers / "python/data/ref.json").read_bytes(), type=dict[int, Any]
    )
    for count in PART.values():
        # The instrument's listing is a command more.
        ours = decide_all(itertools.islice(commands(STREAMS_COMMANDS + 1), count + 1)).trades
        theirs = reference[count]["counts"]["traded"]
        if abs(ours - theirs) > theirs / 1000:
            raise RuntimeError(f"{count:,} orders make {ours} trades here, {theirs} at the peers")


def run_python_peer(peers: Path, name: str) -> float:
    """Seconds a command."""
    driver = ("venv/plain/bin/python", "drive.py", name, str(PART[name]))
    said = run_in(peers / "python", (*driver, "--cmd", PYTHON_PEERS[name], "EOS=1"))
    # Kafka's client has its say among the lines.
    (told,) = (line for line in said.splitlines() if line.startswith('{"name"'))
    result = msgspec.json.decode(told)
    if result["check"] != "equal, in order" or not result["rate"]:
        raise RuntimeError(f"{name} did not do its work: {result}")
    return 1 / float(result["rate"])


def run_streams(peers: Path, name: str) -> float:
    """Seconds a command."""
    said = run_in(
        peers / "kafka-streams",
        ("./run.sh", "run", "guarantee=exactly_once_v2", *STREAMS[name]),
    )
    result = STREAMS_RESULT.search(said)
    if result is None or "EQUAL TO REFERENCE" not in said:
        raise RuntimeError(f"Kafka Streams did not do its work: {said[-2000:]}")
    return 1 / float(result[1])


def run(options: Options) -> list[Row]:
    peers = Path(options.peers)
    missing = [name for name in NEEDED if not (peers / name).exists()]
    if not options.peers or missing:
        not_run(
            f"kafka_peers: name the folder of the peers' sides by --peers or PEERS, built as its "
            f"README says, or leave this benchmark out; missing there: {', '.join(missing)}"
        )
    if options.broker not in ("", ADDRESS):
        not_run(f"kafka_peers: the peers' sides know the broker at {ADDRESS} only")
    with running_broker(options, PORT), new_log(ADDRESS) as log:
        prepare(peers)
        check_reference(peers)
        system = fill(log, 1, options.size)
        sides: dict[str, Callable[[], float]] = {
            "worker": lambda: run_worker(log, system, options.size) / options.size,
            **{name: partial(run_python_peer, peers, name) for name in PYTHON_PEERS},
            **{name: partial(run_streams, peers, name) for name in STREAMS},
        }
        best = best_of(sides, options.rounds)
    rate = {name: 1 / seconds for name, seconds in best.items()}
    return [
        row
        for name, reach in REACH.items()
        for row in (
            at_least(f"worker, to {NAMES[name]}", rate["worker"], "commands/s", rate[name], reach),
            Row(name=NAMES[name], value=rate[name], unit="commands/s"),
        )
    ]


if __name__ == "__main__":
    main("kafka_peers", run, size=STREAMS_COMMANDS, arguments=peers_arguments)
