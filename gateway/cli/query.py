"""`refold query`: the named queries of a system's read models."""

from typing import Annotated, Any

import typer

from gateway.cli.context import (
    JsonOption,
    LogOption,
    SystemArgument,
    check_on_log,
    load_context,
)
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note, print_json, print_rows, print_table, stdout
from gateway.cli.projecting import bring_up_to_date, commands_waiting, opened_store, progress_of
from projections.core.read_models import Query, ReadModels, as_table, read_models

app = typer.Typer(add_completion=False)

CHEAP_EVENTS = 50_000
"""So many events are applied without being asked: well under a second."""


@app.command(context_settings={"ignore_unknown_options": True})
def query(
    system: SystemArgument,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The query; none lists them.")
    ] = None,
    arguments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ARGUMENTS]...", help="In order, or as --name value."),
    ] = None,
    fresh: Annotated[
        bool | None,
        typer.Option(
            "--fresh/--as-is",
            help=f"Apply what the log holds first.  [default: where that is at most "
            f"{CHEAP_EVENTS:,} events]",
            show_default=False,
        ),
    ] = None,
    log: LogOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a system's read models.

    Read models follow the log. Where they are behind, stderr says how far.

    Examples:

        refold query exchange
        refold query exchange best ACME
        refold query exchange candles ACME --interval 1min --limit 5
        refold query exchange trades ACME --json | jq '.[0].price'
    """
    context = load_context(log)
    registered = context.find(system)
    if name is None:
        list_queries(read_models(registered), as_json)
        return
    asked = read_models(registered).query(name)
    parsed = asked.parse(by_name(arguments or []))
    with (
        context.open_log() as opened,
        opened_store(context.config, registered) as (_, store),
    ):
        check_on_log(registered.system, opened)
        done, total = progress_of(opened, store)
        behind = total - done
        if behind and (fresh or (fresh is None and behind <= CHEAP_EVENTS)):
            bring_up_to_date(context.config, opened, store)
        elif behind:
            note(f"read models are {behind:,} events behind the log: --fresh applies them first")
        waiting = commands_waiting(opened, registered.system)
        if waiting:
            note(f"{waiting:,} commands wait to be decided: `refold run {system}`")
        result = asked.run(store, parsed)
    print_answer(asked, result, as_json)


def print_answer(asked: Query, result: Any, as_json: bool) -> None:
    """What a query said: as it wants to be drawn, as a table, or as JSON."""
    if as_json:
        print_json(result)
        return
    if asked.rendering is not None and stdout().is_terminal:
        print_table(asked.rendering(result))
        return
    names, rows = as_table(result)
    print_rows([dict(zip(names, row, strict=True)) for row in rows], as_json=False, columns=names)


def list_queries(models: ReadModels, as_json: bool) -> None:
    """The queries that a system's read models answer."""
    rows: list[dict[str, Any]] = [
        {"query": query.usage, "about": query.description.partition("\n\n")[0]}
        for query in models.queries.values()
    ]
    if as_json:
        rows = [
            {"name": query.name, **row}
            for query, row in zip(models.queries.values(), rows, strict=True)
        ]
    print_rows(rows, as_json=as_json)


def by_name(arguments: list[str]) -> list[str]:
    """`--name value` and `--name=value` as `name=value`, which is what a query parses."""
    given: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("--"):
            given.append(argument)
            continue
        name, equals, value = argument[2:].partition("=")
        if not equals:
            follows = next(rest, None)
            if follows is None:
                raise CommandFailed(f"{argument} needs a value: {argument} VALUE")
            value = follows
        given.append(f"{name.replace('-', '_')}={value}")
    return given
