"""`refold record`: topics of a Kafka cluster, a broker's folder or a log, into a file log."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.context import Context, JsonOption, find_topic, load_context
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json, print_rows
from gateway.cli.progress import ProgressBar
from gateway.config import is_url
from gateway.json_lines import BadLine, time_ms
from replay.recording import MANIFEST_NAME, Recording, RecordingRefused
from replay.recording import record as record_topics
from replay.recording_source import KafkaSource, Source, open_folder

app = typer.Typer(add_completion=False)

SourceOption = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="URL|DIR",
        help="kafka://HOST:PORT/PREFIX, a broker's data folder, or a log's folder.",
    ),
]
TopicsOption = Annotated[
    list[str] | None,
    typer.Option("--topics", metavar="T[,T...]", help="These topics; again for more."),
]
SystemsOption = Annotated[
    list[str] | None,
    typer.Option("--system", metavar="NAME", help="A system's three topics; again for more."),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="From the first record at or after it on: ISO 8601, or ms since 1970.",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option(metavar="TIME", help="Up to the first record after it.")
]


@app.command()
def record(
    source: SourceOption,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="A new folder, or that of the same recording.")
    ],
    topics: TopicsOption = None,
    systems: SystemsOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    prefix: Annotated[
        str, typer.Option(help="Of a broker's folder: stands before the topics' names there.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Record topics as they are into a log in a folder.

    Partitions, offsets, keys, headers, timestamps and configuration are kept, up to the ends as
    they are now. The source is only read: no consumer group is joined, nothing is committed. What
    was interrupted goes on when it is asked for again. All is read back and compared.

    Examples:

        refold record --from kafka://broker:9092/prod --system exchange --out recorded
        refold record --from kafka://broker:9092 --topics orders --since 2024-05-01 --out may
        refold record --from /var/lib/kafka/data --topics orders --out recorded
        refold replay verify exchange --log recorded
    """
    since_ms, until_ms = _time_ms("--since", since), _time_ms("--until", until)
    context = load_context(source)
    with (
        _opened(context, source, prefix) as opened,
        ProgressBar("recording", unit="records") as bar,
    ):
        chosen = _chosen(context, opened, topics or [], systems or [])
        for line in opened.notes:
            note(line)
        try:
            recording = record_topics(
                opened, out, chosen, since_ms=since_ms, until_ms=until_ms, progress=bar
            )
        except RecordingRefused as error:
            raise CommandFailed(str(error)) from error
    _tell(recording, out, as_json)


@contextmanager
def _opened(context: Context, place: str, prefix: str) -> Iterator[Source]:
    if not is_url(place):
        folder = Path(place)
        if not folder.is_dir():
            raise CommandFailed(f"there is no folder {folder}: name the source with --from")
        with open_folder(folder, prefix) as source:
            yield source
        return
    if prefix:
        raise CommandFailed(f"--prefix is for a broker's folder: write {place}/{prefix}")
    with context.open_log() as log:
        from log.backends.kafka import KafkaLog

        assert isinstance(log, KafkaLog)
        # What fails is told once, as the command's error.
        logging.getLogger("aiokafka").addHandler(logging.NullHandler())
        with KafkaSource(log, context.config.kafka_location.settings) as source:
            yield source


def _time_ms(option: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return time_ms(int(text) if text.isdecimal() else text)
    except BadLine as error:
        raise CommandFailed(f"{option}: {error.reason}") from error


def _chosen(
    context: Context, source: Source, topics: Sequence[str], systems: Sequence[str]
) -> list[str]:
    """The topics that were asked for, by their full names."""
    asked = [name for names in topics for name in names.split(",") if name]
    for name in systems:
        system = context.find(name).system
        asked += (system.commands_topic, system.events_topic, system.dead_letters_topic)
    if not asked:
        raise CommandFailed("say what to record: --topics T[,T...] or --system NAME")
    known = source.topics()
    return [find_topic(known, name, "at the source") for name in asked]


def _tell(recording: Recording, out: Path, as_json: bool) -> None:
    rows = [
        {
            "topic": each.topic,
            "partition": each.partition,
            "begin": each.begin,
            "end": each.end,
            "records": each.records,
            "bytes": each.bytes,
        }
        for each in recording.partitions
    ]
    if as_json:
        print_json(
            {
                "verified": recording.verified,
                "records": recording.records,
                "bytes": recording.bytes,
                "partitions": rows,
            }
        )
        return
    print_rows(rows, as_json=False)
    print(
        f"recorded and verified: {recording.records:,} records of {len(recording.topics)} topics "
        f"are in {out} ({MANIFEST_NAME} holds their digests)"
    )
