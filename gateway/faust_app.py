"""Systems as Faust apps: what `faust -A gateway.faust_app worker` names.

    REFOLD_LOG=kafka://localhost:9092/demo faust -A gateway.faust_app worker -l info
    REFOLD_LOG=kafka://localhost:9092/demo faust -A gateway.faust_app:exchange worker

The first app runs all systems, as `refold run` does, the second the one that it names. Settings
are refold's own (`gateway/config.py`); an app is made of them when it is asked for.
"""

from functools import cache, partial

import faust

from gateway.cli.context import load_context, monitored, policy_of
from gateway.cli.outcome import CommandFailed, failed
from log.backends.kafka.client_settings import check_settings
from processors.core.workers.faust import FaustWorker

JSON_LINES = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "gateway.structured_logs.JsonLines"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"level": "INFO", "handlers": ["stderr"]},
}
"""What Faust logs, and refold with it, as `refold run` does with that format."""


def faust_app(*names: str) -> faust.App:
    """The app that runs these systems, by their names; all where none is given.

    Where the settings do not make one, says why in a line on stderr, and raises SystemExit.
    """
    try:
        return _worker(names).app
    except Exception as error:
        raise SystemExit(failed(error)) from error


def _worker(names: tuple[str, ...]) -> FaustWorker:
    context = load_context()
    config = context.config
    if config.log_folder is not None:
        raise CommandFailed(
            f"a Faust worker needs a log on Kafka, and the setting log is {config.log}: set "
            "REFOLD_LOG=kafka://HOST:PORT/PREFIX, or `log` in refold.toml"
        )
    found = [context.find(name) for name in names] or context.registered()
    if config.standby:
        raise CommandFailed(
            "a Faust worker keeps no warm standbys: set standby to false for it (REFOLD_STANDBY), "
            "or use `refold run`"
        )
    check_settings(config.kafka_location.settings)
    return FaustWorker(
        config.kafka_location,
        [registered.system for registered in found],
        folder=context.local_folder / "faust",
        group=config.group,
        snapshots=context.snapshots,
        policy=policy_of(config),
        session_timeout_s=config.session_timeout_s,
        monitoring=partial(monitored, config, config.health_port),
        settings=config.effects,
        logging_config=JSON_LINES if config.log_format == "json" else None,
    )


@cache
def __getattr__(name: str) -> faust.App:
    """`app`, and an app for each system, by the last part of its name."""
    if name.startswith("_"):
        raise AttributeError(name)
    return faust_app() if name == "app" else faust_app(name)
