"""`refold serve`: an API over HTTP for every system, with tasks and read models in one process."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import Context, LogOption, load_context, monitored, policy_of
from gateway.cli.following import keep_up
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed, ExitCode, failed
from gateway.cli.output import note
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.config import Config
from log.interface import Log
from processors.core.registry import Registered
from processors.core.workers.embedded import Worker

if TYPE_CHECKING:
    from gateway.http.catalogue import Served
    from gateway.http.service import Limits

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    systems: Annotated[
        list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="Which; all by default.")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 8080,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let anybody in who reaches the address.")
    ] = False,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Effects play the outside, as in a demo, where they can."
        ),
    ] = False,
    wait_s: Annotated[
        float, typer.Option(min=0.001, help="How long a request waits for its answer.")
    ] = 10.0,
    waiting: Annotated[
        int, typer.Option(min=1, help="So many requests at once; more are answered 503.")
    ] = 1024,
    streams: Annotated[int, typer.Option(min=1, help="So many streams at once.")] = 1024,
    body_bytes: Annotated[int, typer.Option(min=1, help="Of a command's JSON.")] = 1 << 20,
    log: LogOption = None,
) -> None:
    """Serve systems over HTTP: commands in, events, queries and live streams out.

    Decides commands and moves read models in the same process, on a log in a folder. Ends on
    Ctrl-C or SIGTERM, once every request that it took is answered. `/schema` is the reference.

    Examples:

        refold serve
        refold serve exchange stays --port 9000
        curl http://127.0.0.1:8080/api
    """
    context = load_context(log)
    if context.config.log_folder is None:
        raise CommandFailed(
            "the log is on Kafka, and `refold serve` is for a log in a folder, so far"
        )
    try:
        from gateway.http.server import is_loopback
        from gateway.http.service import Limits
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "litestar":
            raise
        raise CommandFailed("litestar is not installed: pip install 'refold[http]'") from error
    if not is_loopback(host) and not insecure:
        raise CommandFailed(
            f"--host {host} is reached from other machines, and there is no authentication yet, "
            "so that anybody could send commands: listen on 127.0.0.1, or give --insecure behind "
            "something that lets only the right ones in"
        )
    registered = [context.find(name) for name in systems or ()] or context.registered()
    limits = Limits(body_bytes=body_bytes, wait_s=wait_s, waiting_max=waiting, streams_max=streams)
    with ExitStack() as stack:
        opened = stack.enter_context(context.open_log(create=True))
        interrupts = stack.enter_context(Interrupts())
        try:
            with interrupts.allowed():  # nothing is lost where recovery is left
                worker = _opened_worker(stack, context, opened, registered, simulated)
        except KeyboardInterrupt:
            return
        served = [_served(stack, context.config, opened, each) for each in registered]
        _serve(context.config, served, worker, host, port, limits)


def _opened_worker(
    stack: ExitStack,
    context: Context,
    log: Log,
    registered: Sequence[Registered],
    simulated: bool,
) -> Worker:
    config = context.config
    monitor, tracing = stack.enter_context(monitored(config, config.health_port))
    with ProgressBar("recover", unit="events") as bar:
        worker = Worker(
            log,
            [each.system for each in registered],
            snapshots=context.snapshots,
            policy=policy_of(config),
            progress=bar,
            monitor=monitor,
            tracing=tracing.of_task if tracing else None,
            settings=config.effects,
            simulated=simulated,
        )
    return stack.enter_context(worker)


def _served(stack: ExitStack, config: Config, log: Log, registered: Registered) -> "Served":
    from gateway.http.catalogue import Served

    models, store = stack.enter_context(opened_store(config, registered))
    return Served(registered, log, models, store)


def _serve(
    config: Config,
    systems: Sequence["Served"],
    worker: Worker,
    host: str,
    port: int,
    limits: "Limits",
) -> None:
    from gateway.http.server import Server, listen

    def follow(served: "Served", stop: threading.Event) -> None:
        try:
            keep_up(config, served.log, served.store, stop)
        except Exception as error:
            failed(error)

    try:
        listening = listen(host, port)
    except OSError as error:
        raise CommandFailed(
            f"cannot listen on {host}, port {port}: {error.strerror}; choose another --port",
            ExitCode.REFUSED,
        ) from error
    with listening:
        shown, bound = listening.getsockname()[:2]
        place = f"[{shown}]:{bound}" if ":" in shown else f"{shown}:{bound}"
        names = ", ".join(each.system.name for each in systems)
        note(f"serving {names} on http://{place}/api; Ctrl-C ends it")
        asyncio.run(Server(systems, worker, listening, limits, follow).serve())
