"""The command line `refold`: finds a command's module, runs it, and ends with an exit code.

A command is a module of this package with `app = typer.Typer(...)`: one function under
`@app.command()` is `refold NAME`, several are `refold NAME SUBCOMMAND`. To mount it, add a line to
COMMANDS. Modules are imported when they are run, so that `refold --help` starts at once.
"""

import importlib
import os
import sys
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

# name: (module of gateway.cli, one line for the list of commands)
COMMANDS = {
    "demo": ("demo", "Watch a system at work: append, decide, query, replay."),
    "new": ("new", "Write a small working system of your own."),
    "systems": ("systems", "List systems, their commands, events and queries."),
    "append": ("append", "Append commands to a system, from JSON lines."),
    "run": ("run", "Decide what waits, and bring read models up to date."),
    "project": ("project", "Keep read models up to date, and do nothing else."),
    "serve": ("serve", "Serve systems over HTTP: commands, queries, live streams."),
    "openapi": ("openapi", "Print the OpenAPI document, which clients are made from."),
    "http": ("http_keys", "Make a key for a client of `serve`."),
    "read": ("read", "Print the records of a topic."),
    "query": ("query", "Ask a system's read models."),
    "dead-letters": ("dead_letters", "List, show and retry commands that could not be decided."),
    "record": ("record", "Record topics of a cluster, a broker's folder or a log into a log."),
    "replay": ("replay", "Ask history: verify, states, lives, differences, what-if, rebuild."),
    "golden": ("golden", "Keep small histories as text, decide them again, see the diff."),
    "simulate": ("simulate", "Play deployments through, with faults, on virtual time."),
    "import": ("imports", "Turn recorded market data into commands."),
    "export": ("exports", "Write what happened as market data: ITCH, FIX."),
    "log": ("log", "Topics; retention and compaction; export and import."),
    "doctor": ("doctor", "Check a log for damage, and say what is wrong and where."),
}


class LazyGroup(TyperGroup):
    """The root: knows each command's line of help, and imports only the one that is run."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {
            name: TyperCommand(name, help=help) for name, (_, help) in COMMANDS.items()
        }

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            module = importlib.import_module(f"gateway.cli.{COMMANDS[name][0]}")
            command = typer.main.get_command(module.app)
            command.name = name
        return name, command, rest

    def invoke(self, ctx: Any) -> Any:
        try:
            try:
                return super().invoke(ctx)
            finally:
                sys.stdout.flush()
        except BrokenPipeError:
            # what Python still holds for stdout goes nowhere, rather than fail at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(141) from None
        except KeyboardInterrupt:
            raise typer.Exit(130) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            from gateway.cli.outcome import failed

            raise typer.Exit(failed(error)) from error


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root() -> None:
    """Fold an append-only log of events into state, and fold it again, and get the same answer.

    Start with `refold demo exchange`. Then, with a log of your own:

        refold systems exchange                       what can be asked of it
        refold append exchange orders.jsonl           commands in, durable
        refold run exchange --until-idle              decide them, fill the read models
        refold query exchange                         what can be queried
        refold read exchange.events --limit 10        what happened
        refold replay verify exchange                 decide it all again, compare bytes

    **Exit codes**: 0 done; 1 differences or damage found; 2 wrong usage, settings or input;
    3 the log or another resource refused (in use, damaged, full); 4 a system's rules failed;
    130 interrupted.

    **Settings**: flags, over the environment (`REFOLD_LOG` ...), over `refold.toml`.

    **The log** is in a folder, or on Kafka: `--log kafka://HOST:PORT/PREFIX`.
    """


def main() -> None:
    """The console script."""
    app(prog_name="refold")


if __name__ == "__main__":
    main()
