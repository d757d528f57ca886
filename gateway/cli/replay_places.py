"""Places in history as the commands of `refold replay` are given them: `--at`, `--partition`,
`--key`.
"""

from typing import Annotated

import typer

from gateway.cli.outcome import CommandFailed
from log.partitioner import partition_for_key
from processors.core.system import System
from replay.state import END, At, parse_at

PLACE = "COMMAND_OFFSET|TIME"
PartitionOption = Annotated[int | None, typer.Option(help="Only this partition.", min=0)]
KeyOption = Annotated[
    str | None, typer.Option(help="Only the partition that this key belongs to.")
]


def chosen_partitions(partition: int | None, partitions: int) -> range:
    """The one asked for, or all of them. CommandFailed where there is no such partition."""
    if partition is None:
        return range(partitions)
    if partition >= partitions:
        raise CommandFailed(f"--partition {partition}: there are 0 to {partitions - 1}")
    return range(partition, partition + 1)


def parse_place(option: str, text: str) -> At:
    """A place as typed, the end where nothing was. CommandFailed, naming the option."""
    try:
        return parse_at(text) if text else END
    except ValueError as error:
        raise CommandFailed(f"{option} {error}") from error


def partitions_of(
    system: System, partitions: int, partition: int | None, key: str | None, *places: At
) -> range:
    """Those that are asked for, of `partitions`: one where a place is a command offset."""
    if key is not None:
        if partition is not None:
            raise CommandFailed("give --partition or --key, not both")
        partition = partition_for_key(key.encode(), partitions)
    chosen = chosen_partitions(partition, partitions)
    offsets = [place.command_offset for place in places if place.command_offset is not None]
    if offsets and len(chosen) > 1:
        raise CommandFailed(
            f"{system.name} has {partitions} partitions, and each has a command at offset "
            f"{offsets[0]}: name one by --partition or --key"
        )
    return chosen
