"""Where two histories part that differ at one command: in how many comparisons, and how long it
takes against folding both once.

Two logs of `--size` commands of the order flow; one order, somewhere past the middle, is for one
share more in the second.
"""

from bench.harness import Options, Row, best_of, main, scratch_folder, timed
from bench.state_at import ONE_PARTITION, fold_all, write_history
from log.backends.file import FileLog
from log.interface import Log
from log.record import NO_HEADERS
from processors.core.task import READ_BYTES, Task
from processors.markets.exchange.commands import PlaceOrder
from replay.bisect import Bisection, WalkedSide, bisect
from replay.histories import RecordedHistory

COMPARISONS_MAX = 25
CHANGED_AT = 0.618
"""As a part of all commands: no place that a bisection meets early."""


def write_changed(source: Log, target: Log, commands: int) -> int:
    """The same history but for one order; returns the offset of its command."""
    ONE_PARTITION.ensure_topics(target)
    partition = source.partition(ONE_PARTITION.commands_topic, 0)
    copied = target.partition(ONE_PARTITION.commands_topic, 0)
    codec = ONE_PARTITION.command_codec(partition.config)
    offset, changed = 0, -1
    while batches := partition.read(offset, READ_BYTES):
        for batch in batches:
            builder = copied.new_batch()
            for delta, record in enumerate(batch):
                value = record.value or b""
                if changed < 0 and record.offset >= CHANGED_AT * commands:
                    command = codec.decode(value)
                    if isinstance(command, PlaceOrder):
                        command.quantity += 1
                        value, changed = codec.encode(command), record.offset
                builder.append(delta, record.timestamp, record.key, value, NO_HEADERS)
            copied.append_batch(builder)
        offset = batches[-1].last_offset + 1
    task = Task(target, ONE_PARTITION, 0)
    while task.step():
        pass
    task.close()
    return changed


def compare(one: Log, other: Log) -> Bisection:
    a, b = (WalkedSide(RecordedHistory(log, ONE_PARTITION, 0)) for log in (one, other))
    return bisect(ONE_PARTITION.name, 0, a, b)


def run(options: Options) -> list[Row]:
    with (
        scratch_folder() as folder,
        FileLog(folder / "one") as one,
        FileLog(folder / "other") as other,
    ):
        write_history(one, options.size)
        changed = write_changed(one, other, options.size)
        found = compare(one, other)
        assert found.parting is not None
        assert found.parting.command_offset == changed, "it is not the command that was changed"

        def fold_both() -> None:
            fold_all(one)
            fold_all(other)

        best = best_of(
            {
                "bisect": lambda: timed(lambda: compare(one, other)),
                "fold": lambda: timed(fold_both),
            },
            options.rounds,
        )
    return [
        Row(
            name="state comparisons",
            value=found.comparisons,
            unit="",
            reach=f"<= {COMPARISONS_MAX}",
            met=found.comparisons <= COMPARISONS_MAX,
        ),
        Row(name="bisect", value=best["bisect"], unit="s", ratio=best["bisect"] / best["fold"]),
        Row(name="folding both once", value=best["fold"], unit="s"),
    ]


if __name__ == "__main__":
    main("bisect", run, size=5_000_000)
