"""`refold openapi`: the OpenAPI document of `refold serve`, from the registry alone."""

import sys
from typing import Annotated

import msgspec
import typer

from gateway.cli.context import load_context
from gateway.cli.outcome import CommandFailed
from log.backends.memory import MemoryLog
from projections.core.read_models import read_models

app = typer.Typer(add_completion=False)


@app.command()
def openapi(
    systems: Annotated[
        list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="Which; all by default.")
    ] = None,
) -> None:
    """Print the OpenAPI 3.1 document of systems: what clients are generated from.

    No server runs for it, and no log is opened. It is the same as `/schema/openapi.json` of a
    `refold serve` of the same systems.

    Examples:

        refold openapi > api.json
        refold openapi exchange | jq '.paths | keys'
        refold openapi > api.json && openapi-python-client generate --path api.json
    """
    context = load_context()
    try:
        from gateway.http.catalogue import Catalogue, Served
        from gateway.http.openapi.whole import openapi_of
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "litestar":
            raise
        raise CommandFailed("litestar is not installed: pip install 'refold[http]'") from error
    registered = [context.find(name) for name in systems or ()] or context.registered()
    with MemoryLog() as log:
        served = []
        for each in registered:
            models = read_models(each)
            served.append(Served(each, log, models, models.open_store("memory:")))
        document = msgspec.json.encode(openapi_of(Catalogue(served)))
    sys.stdout.buffer.write(msgspec.json.format(document, indent=2) + b"\n")
