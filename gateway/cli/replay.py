"""`refold replay`: decide history again, look at a past state, make a read model again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from gateway.cli import (
    replay_bisect,
    replay_checkpoint,
    replay_diff,
    replay_digests,
    replay_history,
    replay_query,
    replay_statistics,
    replay_step,
    replay_verify,
    replay_what_if,
)
from gateway.cli.context import (
    Context,
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import print_json, time_text
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.cli.replay_places import (
    PLACE,
    KeyOption,
    PartitionOption,
    parse_place,
    partitions_of,
)
from gateway.config import nearest
from processors.core.registry import Registered
from projections.core import rebuild as rebuilding
from projections.core.read_models import read_models
from projections.core.worker import Progress
from replay.state import StateAt, state_at

app = typer.Typer(no_args_is_help=True, add_completion=False)

CheckpointsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="The folder of checkpoints.  [default: `checkpoints` beside the log]",
        show_default=False,
    ),
]


app.command()(replay_verify.verify)
app.command()(replay_diff.diff)
app.command()(replay_history.history)
app.command(context_settings={"ignore_unknown_options": True})(replay_query.query)
app.command()(replay_step.step)
app.command()(replay_checkpoint.checkpoint)
app.command()(replay_digests.digests)
app.command()(replay_bisect.bisect)
app.command()(replay_statistics.rates)
app.command()(replay_statistics.slowest)
app.command()(replay_what_if.what_if)


@app.command()
def state(
    system: SystemArgument,
    at: Annotated[
        str,
        typer.Option(
            metavar=PLACE,
            help="After this command, or after all up to this time (ISO 8601).  [default: the "
            "end]",
        ),
    ] = "",
    partition: PartitionOption = None,
    key: KeyOption = None,
    checkpoints: CheckpointsOption = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a system's state as it was.

    The nearest snapshot or checkpoint (`refold replay checkpoint`) and the events after it are
    folded; nothing is decided. A command offset is one on a partition: name it by `--partition` or
    `--key`, unless there is but one.

    Examples:

        refold replay state exchange --at 2024-05-01T09:30:00Z
        refold replay state exchange --at 1042 --key AAPL --json
    """
    place = parse_place("--at", at)
    context = load_context(log)
    registered = context.find(system)
    states: list[StateAt] = []
    with context.open_log() as opened:
        partitions = check_on_log(registered.system, opened)
        for number in partitions_of(registered.system, partitions, partition, key, place):
            with ProgressBar(f"folding partition {number}", unit="events") as bar:
                states.append(
                    state_at(
                        opened,
                        registered.system,
                        number,
                        place,
                        snapshots=context.open_checkpoints(opened, checkpoints)(
                            registered.system, number
                        ),
                        progress=bar,
                    )
                )
    if as_json:
        print_json(states)
    else:
        _print_states(states)


def _print_states(states: Sequence[StateAt]) -> None:
    for each in states:
        print(
            f"{each.system} partition {each.partition}: after command {each.command_offset}, "
            f"{each.next_sequence:,} events, {time_text(each.at)}, rules {each.rules_version}, "
            f"digest {each.digest}"
        )
        for row in each.rows:
            print(f"  {msgspec.json.encode(row).decode()}")


@app.command()
def rebuild(
    projection: Annotated[
        str, typer.Argument(metavar="PROJECTION", help="`exchange.trade_tape`, or its last part.")
    ],
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a read model again from the first event, beside the one that serves, and swap it in.

    Examples:

        refold replay rebuild trade_tape
        refold replay rebuild markets.exchange.order_book
    """
    context = load_context(log)
    registered, name = _find_projection(context, projection)
    with context.open_log() as opened, opened_store(context.config, registered) as (models, store):
        check_on_log(registered.system, opened)
        with ProgressBar(f"rebuilding {name}", unit="events") as bar:
            last = Progress(name, True, 0, 0)

            def report(progress: Progress) -> None:
                nonlocal last
                last = progress
                bar(progress.done, progress.total)

            rebuilding.rebuild(opened, store, models.projection(name), report)
    done: dict[str, Any] = {"projection": name, "system": registered.system.name}
    done["events"] = last.done
    if as_json:
        print_json(done)
    else:
        print(f"{registered.system.name}: {name} was made again from {last.done:,} events")


def _find_projection(context: Context, asked: str) -> tuple[Registered, str]:
    """By its name, or with its system's (or the last part of that) before it."""
    found = [
        (registered, name)
        for registered in context.registered()
        for name in read_models(registered).projections
        if f".{registered.system.name}.{name}".endswith(f".{asked.replace('/', '.')}")
    ]
    names = [f"{registered.system.name}.{name}" for registered, name in found]
    if len(found) > 1:
        raise CommandFailed(f"{asked!r} could be {' or '.join(names)}: give the full name")
    if not found:
        known = [
            f"{registered.system.name}.{name}"
            for registered in context.registered()
            for name in read_models(registered).projections
        ]
        raise CommandFailed(f"there is no projection {asked!r}: {nearest(asked, known)}")
    return found[0]
