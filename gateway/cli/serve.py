"""`refold serve`: an API over HTTP for every system, with tasks and read models in one process, or
before workers of their own.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.context import Context, LogOption, load_context, monitored, policy_of
from gateway.cli.interrupts import Interrupts
from gateway.cli.outcome import CommandFailed
from gateway.cli.output import note
from gateway.cli.progress import ProgressBar
from gateway.cli.projecting import opened_store
from gateway.cli.serving import listening_on, read_models_of
from gateway.config import Config
from gateway.http_settings import HttpSettings, http_settings
from gateway.structured_logs import set_up_logging
from log.interface import Log
from processors.core.registry import Registered
from processors.core.workers.embedded import Worker

if TYPE_CHECKING:
    from gateway.http.catalogue import Served

app = typer.Typer(add_completion=False)


@app.command()
def serve(
    systems: Annotated[
        list[str] | None, typer.Argument(metavar="[SYSTEM]...", help="Which; all by default.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="The address to listen on.  [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="0: any that is free.  [default: 8080]")
    ] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let anybody in who reaches the address.")
    ] = False,
    simulated: Annotated[
        bool,
        typer.Option(
            "--simulated", help="Effects play the outside, as in a demo, where they can."
        ),
    ] = False,
    worker: Annotated[
        bool | None,
        typer.Option(
            "--worker/--no-worker",
            help="Decide and move read models in this process.  [default: on a log in a folder]",
            show_default=False,
        ),
    ] = None,
    wait_s: Annotated[
        float | None, typer.Option(min=0.001, help="How long a request waits for its answer.")
    ] = None,
    waiting: Annotated[
        int | None, typer.Option(min=1, help="So many requests at once; more are answered 503.")
    ] = None,
    streams: Annotated[int | None, typer.Option(min=1, help="So many streams at once.")] = None,
    body_bytes: Annotated[int | None, typer.Option(min=1, help="Of a command's JSON.")] = None,
    log: LogOption = None,
) -> None:
    """Serve systems over HTTP: commands in, events, queries and live streams out.

    On a log in a folder it decides commands and moves read models in the same process. On Kafka,
    or with --no-worker, others do: `refold run` and `refold project`; start as many servers as you
    like. Ends on Ctrl-C or SIGTERM, once every request that it took is answered. `/schema` is the
    reference.

    Examples:

        refold serve
        refold serve exchange stays --port 9000
        refold serve exchange --log kafka://localhost:9092
        curl http://127.0.0.1:8080/api
    """
    context = load_context(log)
    decides = _decides_here(context, worker)
    flags = {
        "host": host,
        "port": port,
        "insecure": insecure or None,
        "limits.wait_s": wait_s,
        "limits.waiting_max": waiting,
        "limits.streams_max": streams,
        "limits.body_bytes": body_bytes,
    }
    settings = http_settings(context.config.http, context.config.home, os.environ, flags)
    _check_callers(settings)
    registered = [context.find(name) for name in systems or ()] or context.registered()
    _run(context, registered, settings, decides, simulated)


def _run(
    context: Context,
    registered: Sequence[Registered],
    settings: HttpSettings,
    decides: bool,
    simulated: bool,
) -> None:
    with ExitStack() as stack:
        ended = threading.Event()
        """Where others decide: nothing waits for the log any more."""
        if decides:
            opened = stack.enter_context(context.open_log(create=True))
            interrupts = stack.enter_context(Interrupts())
            try:
                with interrupts.allowed():  # nothing is lost where recovery is left
                    own = _opened_worker(stack, context, opened, registered, simulated)
            except KeyboardInterrupt:
                return
        else:
            opened = stack.enter_context(_tailed_log(context, registered, ended))
            stack.enter_context(Interrupts())
            own = None
        served = [_served(stack, context, opened, each) for each in registered]
        _serve(context.config, served, own, settings, simulated, ended)


def _decides_here(context: Context, worker: bool | None) -> bool:
    """Whether tasks and read models are of this process."""
    if context.config.log_folder is not None:
        return worker is not False
    if worker:
        raise CommandFailed(
            "the log is on Kafka, where workers are processes of their own: leave --worker out, "
            "and start `refold run`"
        )
    return False


def _check_callers(settings: HttpSettings) -> None:
    """Nobody is let in by oversight."""
    try:
        from gateway.http.server import is_loopback
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "litestar":
            raise
        raise CommandFailed("litestar is not installed: pip install 'refold[http]'") from error
    if not (is_loopback(settings.host) or settings.has_authentication or settings.insecure):
        raise CommandFailed(
            f"{settings.host} is reached from other machines, and there are no keys and no tokens "
            "to tell who may call ([http.keys], [http.jwt]), so that anybody could send commands: "
            "set them up, or listen on 127.0.0.1, or give --insecure behind something that lets "
            "only the right ones in"
        )


@contextmanager
def _tailed_log(
    context: Context, registered: Sequence[Registered], ended: threading.Event
) -> Iterator[Log]:
    """The log, for a process that decides nothing: see `gateway/http/tail.py`."""
    from gateway.http.tail import TailedLog

    systems = [each.system for each in registered]
    topics = [name for each in systems for name in (each.commands_topic, each.events_topic)]
    with context.open_log(create=True) as looks, context.open_log() as patient:
        if context.config.log_folder is None:
            set_up_logging(context.config.log_format)
            _wait_for_cluster(looks, lambda: False)
            _wait_for_cluster(patient, lambda: not ended.is_set())
        with TailedLog(looks, patient, topics) as log:
            yield log


def _wait_for_cluster(log: Log, keep_waiting: Callable[[], bool]) -> None:
    from log.backends.kafka import KafkaLog

    assert isinstance(log, KafkaLog)
    log.keep_waiting = keep_waiting


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


def _served(stack: ExitStack, context: Context, log: Log, registered: Registered) -> "Served":
    from gateway.http.catalogue import Served

    models, store = stack.enter_context(opened_store(context.config, registered))
    return Served(registered, log, models, store, context.open_checkpoints(log))


def _serve(
    config: Config,
    systems: Sequence["Served"],
    worker: Worker | None,
    settings: HttpSettings,
    simulated: bool,
    ended: threading.Event,
) -> None:
    from gateway.http.server import Server

    with listening_on(settings.host, settings.port) as listening:
        moves = read_models_of(config, systems) if worker is not None else None
        shown, bound = listening.getsockname()[:2]
        place = f"[{shown}]:{bound}" if ":" in shown else f"{shown}:{bound}"
        names = ", ".join(each.system.name for each in systems)
        note(f"serving {names} on http://{place}/api; Ctrl-C ends it")
        server = Server(
            systems, worker, listening, settings, moves, config.effects, simulated, ended
        )
        asyncio.run(server.serve())
