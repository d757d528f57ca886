"""`refold http key`: a key for a client of `refold serve`, and the table that lets it in."""

import secrets
from typing import Annotated

import typer

from gateway.cli.output import note
from gateway.http_settings import KEY_NAME, KEY_PREFIX, check_scopes, digest_of

app = typer.Typer(add_completion=False)


@app.callback()
def http() -> None:
    """Who may call `refold serve`."""


@app.command()
def key(
    name: Annotated[str, typer.Argument(help="Whose: the log tells it as the actor.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(help="SYSTEM:COMMAND, SYSTEM:*, *:read, *:operate or *; several times."),
    ] = None,
) -> None:
    """Make a key. It is printed once, and kept nowhere: refold.toml knows its SHA-256 alone.

    The key goes to stderr, the table to stdout, so that `>> refold.toml` takes that alone.

    Examples:

        refold http key desk --scope markets.exchange:place_order --scope '*:read'
        refold http key house --scope '*' >> refold.toml
    """
    if not KEY_NAME.fullmatch(name):
        raise typer.BadParameter("at most 64 of a-z, 0-9, dot, underscore and hyphen")
    scopes = tuple(scope or ["*:read"])
    check_scopes(scopes, "--scope")
    new = KEY_PREFIX + secrets.token_urlsafe(32)
    note(f"the key, to be sent as `Authorization: Bearer`, and shown this once: {new}")
    shown = ", ".join(f'"{each}"' for each in scopes)
    table = f'"{name}"' if "." in name else name
    typer.echo(f'\n[http.keys.{table}]\nsha256 = "{digest_of(new)}"\nscopes = [{shown}]')
