"""A task against exchange-core (Java, 0.5.3), each with its log on disk, on one order flow.

refold's side is a task on the file log, as in `inner_loop`: it reads and decodes JSON commands,
and every event is on disk, flushed, before the next read. exchange-core's side is its own journal
in the default configuration (commands in binary, compressed, written through to the disk; no
events), with one matching and one risk engine, in a JVM that stays and is warm. Its commands are
Java objects beforehand, as it has no log to read them from (`exchange_core/.../Peer.java`). It
yields while it waits: of its strategies the fastest where cores are few, about twice BLOCKING and
BUSY_SPIN on two. Its passes still spread by a factor of two and more, by how its five threads
happen to be scheduled; best is compared with best.

Recovery is what stands between a new process and its next command. So exchange-core's replay runs
in a JVM that has just started (whose own start is not counted). Beside it stands a replay in the
warm JVM, without a reach: a JVM that recovers is never warm.

The flow is the same but for replaces: exchange-core's move keeps the open quantity where refold's
replace sets it, so the trades differ a little. Without replaces they must not, and that is checked
first. Where the rules are compiled (`make compiled`), the reach is higher.

Needs Java 17 or later and Maven; exit 3 where they are missing. At its default size it takes some
45 s, nearly all of it in the five rounds of either part.
"""

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from bench.harness import Options, Row, at_least, best_of, main, scratch_folder, timed
from bench.inner_loop import ONE_PARTITION, run_task
from bench.order_flow import INSTRUMENT, commands, preload, rows
from bench.outcome import Outcome, check_equal, decide_all
from log.backends.file import FileLog
from log.interface import Log
from processors.core.snapshots import SnapshotFolder
from processors.core.task import READ_BYTES, Task
from processors.markets.exchange import order_book
from processors.markets.exchange.commands import ReplaceOrder

JAVA_FOLDER = Path(__file__).with_suffix("")
TARGET = JAVA_FOLDER / "target"
WAIT_STRATEGY = "YIELDING"
CHECKED_COMMANDS = 200_000
WARM_UPS = 2
FLOW = "flow.csv"
CHECKED_FLOW = "without_replaces.csv"
COMPILED = Path(order_book.__file__).suffix in {".so", ".pyd"}
TRADED = b'{"type":"order_traded.'


class Answer(msgspec.Struct, forbid_unknown_fields=True):
    """What exchange-core says of one request."""

    seconds: float
    trades: int
    quantity: int
    """Traded."""
    resting: int


class Peer:
    """A JVM with exchange-core, working in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._errors = folder / "java_errors.txt"
        with self._errors.open("w") as errors:
            self._process = subprocess.Popen(
                [
                    "java",
                    f"@{JAVA_FOLDER / 'java_options'}",
                    *("-cp", f"{TARGET / 'classes'}:{TARGET / 'lib' / '*'}"),
                    *("Peer", WAIT_STRATEGY),
                ],
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )

    def request(self, *words: str) -> None:
        assert self._process.stdin
        print(*words, file=self._process.stdin, flush=True)

    def answer(self) -> Answer:
        """Waits for the answer of the oldest request that has none."""
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"exchange-core stopped: {self._errors.read_text()[-2000:]}")
        return msgspec.json.decode(line, type=Answer)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def new_peer(folder: Path) -> Iterator[Peer]:
    peer = Peer(folder)
    try:
        yield peer
    finally:
        peer.close()


def build() -> None:
    """exchange-core's jars and the class around it, once. Exit 3 where that cannot be."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        print(
            f"exchange_core: {' and '.join(missing)} not found: install Java (17 or later) and "
            "Maven, or leave this benchmark out",
            file=sys.stderr,
        )
        sys.exit(3)
    built = TARGET / "classes" / "Peer.class"
    sources = (JAVA_FOLDER / "pom.xml", JAVA_FOLDER / "src/main/java/Peer.java")
    if built.exists() and all(built.stat().st_mtime >= it.stat().st_mtime for it in sources):
        return
    print("building exchange-core's side with Maven, once ...", file=sys.stderr)
    goals = ("dependency:copy-dependencies", "-DoutputDirectory=target/lib", "compile")
    command = ["mvn", "--quiet", "--batch-mode", *goals]
    if subprocess.run(command, cwd=JAVA_FOLDER, stdout=sys.stderr, check=False).returncode:
        print("exchange_core: Maven could not build it; it says why above", file=sys.stderr)
        sys.exit(3)


def write_flows(folder: Path, size: int) -> None:
    """The rows as exchange-core's side reads them; the listing is the first command of `size`."""
    (folder / "dumps").mkdir()
    with (folder / FLOW).open("w") as flow, (folder / CHECKED_FLOW).open("w") as checked:
        for at, row in enumerate(rows(size - 1)):
            line = ",".join(map(str, row)) + "\n"
            flow.write(line)
            if at < CHECKED_COMMANDS and row[0] != "M":
                checked.write(line)


def check_same(answer: Answer, size: int) -> None:
    """Decide the flow without replaces here too: the trades must be the same."""
    flow = itertools.islice(commands(size), CHECKED_COMMANDS + 1)
    check_equal(
        decide_all(it for it in flow if type(it) is not ReplaceOrder),
        Outcome(answer.trades, answer.quantity, answer.resting),
        f"the first {CHECKED_COMMANDS:,} orders without replaces",
    )


def count_trades(log: Log) -> int:
    events = log.partition(ONE_PARTITION.events_topic, 0)
    trades = offset = 0
    while batches := events.read(offset, READ_BYTES):
        for batch in batches:
            trades += sum((record.value or b"").startswith(TRADED) for record in batch)
        offset = batch.last_offset + 1
    return trades


def compare_deciding(folder: Path, peer: Peer, options: Options) -> list[Row]:
    """Leaves the history in `folder`, with a snapshot of its end and the journal of `pass1`."""
    write_flows(folder, options.size)
    # While this process writes the commands, the other one warms up.
    peer.request("pass", "checked", CHECKED_FLOW)
    names = (f"pass{number}" for number in itertools.count(1))
    for _ in range(WARM_UPS):
        peer.request("pass", next(names), FLOW)
    with FileLog(folder / "log") as log:
        ONE_PARTITION.ensure_topics(log)
        preload(log, ONE_PARTITION, options.size)
        check_same(peer.answer(), options.size)
        for _ in range(WARM_UPS):
            answer = peer.answer()

        def peer_pass() -> float:
            peer.request("pass", next(names), FLOW)
            return peer.answer().seconds

        best = best_of({"task": lambda: run_task(log), "peer": peer_pass}, options.rounds)
        task = Task(log, ONE_PARTITION, 0, SnapshotFolder(folder, ONE_PARTITION, 0))
        task.save_snapshot()
        task.close()
        trades = count_trades(log)
    rate = {name: options.size / seconds for name, seconds in best.items()}
    reach = 0.6 if COMPILED else 0.3
    kind = "compiled" if COMPILED else "plain Python"
    resting = len(task.fold.state.books[INSTRUMENT].orders)
    return [
        at_least(f"task, {kind}", rate["task"], "commands/s", rate["peer"], reach),
        Row(name="exchange-core with its journal", value=rate["peer"], unit="commands/s"),
        Row(name=f"task: trades ({resting:,} orders rest)", value=trades, unit="trades"),
        Row(
            name=f"exchange-core: trades ({answer.resting:,} orders rest)",
            value=answer.trades,
            unit="trades",
        ),
    ]


def start(folder: Path, snapshots: SnapshotFolder | None = None) -> float:
    """Seconds to open the log and a task that is ready to decide."""

    def run() -> None:
        with FileLog(folder / "log") as log:
            Task(log, ONE_PARTITION, 0, snapshots).close()

    return timed(run)


def replay_in(peer: Peer) -> float:
    peer.request("recover", "pass1")
    return peer.answer().seconds


def replay_in_new_process(folder: Path) -> float:
    with new_peer(folder) as peer:
        return replay_in(peer)


def compare_recovery(folder: Path, peer: Peer, options: Options) -> list[Row]:
    snapshots = SnapshotFolder(folder, ONE_PARTITION, 0)
    sides: dict[str, Callable[[], float]] = {
        "folding": lambda: start(folder),
        "snapshot": lambda: start(folder, snapshots),
        "replay": lambda: replay_in_new_process(folder),
        "warm": lambda: replay_in(peer),
    }
    best = best_of(sides, options.rounds)

    def row(name: str, side: str, than: str | None = None, reach: float | None = None) -> Row:
        ratio = None if than is None else best[than] / best[side]
        return Row(
            name=name,
            value=best[side] * 1000,
            unit="ms",
            ratio=ratio,
            reach=None if reach is None else f">= {reach:g} x",
            met=None if reach is None or ratio is None else ratio >= reach,
        )

    return [
        row("recovery by folding", "folding", "replay", 1.5),
        row("recovery with a snapshot", "snapshot", "replay", 10),
        row("exchange-core's replay", "replay"),
        row("recovery by folding, beside a warm replay", "folding", "warm"),
        row("exchange-core's replay in a warm JVM", "warm"),
    ]


def run(options: Options) -> list[Row]:
    build()
    with scratch_folder() as folder, new_peer(folder) as peer:
        return [
            *compare_deciding(folder, peer, options),
            *compare_recovery(folder, peer, options),
        ]


if __name__ == "__main__":
    main("exchange_core", run, size=1_000_000)
