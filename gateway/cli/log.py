"""`refold log`: what topics there are, and their keeping (retention and compaction).

`export` and `import` are in `log_portable.py`.
"""

from typing import Annotated, Any

import msgspec
import typer

from gateway.cli import log_cut, log_portable
from gateway.cli.context import JsonOption, LogOption, find_topic, load_context
from gateway.cli.output import print_json, print_rows
from log.interface import Log

app = typer.Typer(no_args_is_help=True, add_completion=False)
app.command()(log_portable.export)
app.command(name="import")(log_portable.import_log)
app.command()(log_cut.cut)


@app.command()
def topics(
    name: Annotated[
        str | None, typer.Argument(metavar="[TOPIC]", help="Tell all about this one.")
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the topics of a log, or one topic's partitions and settings.

    Examples:

        refold log topics
        refold log topics exchange.events --json
    """
    with load_context(log).open_log() as opened:
        if name is None:
            rows = [_describe(opened, topic) for topic in opened.topics()]
            shown = ("topic", "partitions", "records", "value_format", "cleanup_policy")
            print_rows(rows, as_json=as_json, columns=shown)
            return
        topic = find_topic(opened.topics(), name)
        config = opened.topics()[topic]
        offsets = [
            {
                "partition": number,
                "log_start": partition.log_start,
                "high_watermark": partition.high_watermark,
            }
            for number in range(config.partitions)
            for partition in [opened.partition(topic, number)]
        ]
    if as_json:
        print_json({"topic": topic, "config": config, "partitions": offsets})
        return
    print_rows(offsets, as_json=False, title=topic)
    settings = msgspec.to_builtins(config)
    print_rows(
        [{"setting": key, "value": value} for key, value in settings.items()], as_json=False
    )


def _describe(log: Log, topic: str) -> dict[str, Any]:
    config = log.topics()[topic]
    partitions = [log.partition(topic, number) for number in range(config.partitions)]
    records = sum(each.high_watermark - each.log_start for each in partitions)
    return {"topic": topic, "records": records, **msgspec.to_builtins(config)}


@app.command()
def clean(log: LogOption = None, as_json: JsonOption = False) -> None:
    """Apply retention and compaction once, as the topics' settings say.

    For a log in a folder. On Kafka the brokers do this by themselves.

    Example:

        refold log clean --log /data/log
    """
    context = load_context(log)
    context.log_folder("the brokers clean by themselves, as the topics' settings say")
    with context.open_log() as opened:
        done = list(opened.clean())
    if as_json:
        print_json(done)
        return
    for line in done:
        print(line)
    if not done:
        print("nothing to clean")
