"""A system's read models, in each kind of store, after commands that are decided as they come."""

from pathlib import Path
from typing import Any

from log.backends.memory import MemoryLog
from processors.core.appender import Appender
from processors.core.registry import load_system
from processors.core.testing.subject import decide_all
from projections.core.read_models import default_url, read_models
from projections.core.worker import Worker


class Reading:
    def __init__(self, package: str, kind: str, folder: Path) -> None:
        self._models = read_models(load_system(package))
        self.system = self._models.system
        self._log = MemoryLog(clock=lambda: 0)
        self._appender = Appender(self._log, self.system)
        url = "memory:" if kind == "memory" else default_url(folder, self.system)
        self.store = self._models.open_store(url)

    def when(self, *commands: Any, at: int = 0) -> None:
        for command in commands:
            self._appender.add(command, at)
        self._appender.flush()
        decide_all(self._log, self.system)

    def ask(self, query: str, *arguments: Any) -> Any:
        """What a query answers, once all events are applied. A list is one of dictionaries."""
        Worker(self._log, self.store).catch_up()
        named = self._models.query(query)
        return named.run(self.store, named.parse([str(each) for each in arguments]))
