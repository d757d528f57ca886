"""What every command that serves over HTTP needs: an address to listen on, and read models that
are there from the first request on and follow the log.
"""

import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.cli.following import keep_up
from gateway.cli.outcome import CommandFailed, ExitCode, failed
from gateway.config import Config
from log.errors import LogError
from projections.core.errors import ProjectionError
from projections.core.worker import Worker

if TYPE_CHECKING:
    from gateway.http.catalogue import Served
    from gateway.http.server import Follow


def listening_on(host: str, port: int) -> socket.socket:
    """Errors: CommandFailed."""
    from gateway.http.server import listen

    try:
        return listen(host, port)
    except OSError as error:
        raise CommandFailed(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another --port",
            ExitCode.REFUSED,
        ) from error


def read_models_of(config: Config, systems: Iterable["Served"]) -> "Follow":
    """What keeps the read models of a system up to date. Those that are missing are made at once,
    empty: who asks before anything is applied is answered so."""
    for each in systems:
        if each.models.projections:
            with suppress(ProjectionError, LogError):  # said by what follows, which meets it too
                Worker(each.log, each.store)

    def follow(served: "Served", stop: threading.Event) -> None:
        try:
            keep_up(config, served.log, served.store, stop)
        except Exception as error:
            failed(error)

    return follow
