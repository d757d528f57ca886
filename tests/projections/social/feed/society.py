"""A feed of few accounts, for these tests: commands through its tasks, with the reactor's news.

    society = Society(folder)  # a fixture
    society.register("ann", "bob")
    society.do(Follow(author="ann", follower="bob"))
    post_id = society.post("ann", "hello")
    society.said("home", "bob") == ["ann: hello"]

Time stands still until it is told to move, so that ids are easily told. The read models are made
in memory, after each command, and in a database, all at once when something is asked: an answer is
what both give.
"""

import dataclasses
from pathlib import Path
from typing import Any

from log.backends.memory import MemoryLog
from log.envelope import Command
from log.record import Record
from processors.core.registry import Registered
from processors.core.workers.embedded import Worker as TaskWorker
from processors.social.feed import SYSTEM
from processors.social.feed.commands import (
    Follow,
    Limits,
    RegisterAccount,
    SetLimits,
    WritePost,
)
from processors.social.feed.events import PostKind
from projections.core.read_models import ReadModels, default_url, read_models
from projections.core.worker import Worker
from projections.social.feed.timelines import AUTHORS

PARTITIONS = 2
START_MS = 1_700_000_000_000
TWO_PARTITIONS = dataclasses.replace(SYSTEM, partitions=PARTITIONS)
MODELS: ReadModels = read_models(Registered(TWO_PARTITIONS, "processors.social.feed"))


class Society:
    def __init__(self, folder: Path) -> None:
        self.now_ms = START_MS
        self.log = MemoryLog(clock=lambda: self.now_ms)
        self.tasks = TaskWorker(self.log, [TWO_PARTITIONS], clock=lambda: self.now_ms)
        config = self.log.topics()[SYSTEM.commands_topic]
        self._encode = TWO_PARTITIONS.command_codec(config).encode
        self.memory = MODELS.open_store("memory:")
        self.database = MODELS.open_store(default_url(folder, SYSTEM))
        self._in_memory = Worker(self.log, self.memory)
        self._in_database = Worker(self.log, self.database)

    def do(self, *commands: Command) -> None:
        for command in commands:
            key, partitions = TWO_PARTITIONS.placed(command, PARTITIONS)
            record = Record(self._encode(command), key, self.now_ms)
            for number in partitions:
                self.log.partition(SYSTEM.commands_topic, number).append([record])
            self.settle()

    def settle(self) -> None:
        """All that follows is decided, timers as well."""
        while self.tasks.turn()[1]:
            pass
        self._in_memory.catch_up()

    def register(self, *names: str, private: bool = False) -> None:
        for name in names:
            self.do(RegisterAccount(author=name, name=name.title(), private=private))

    def limit(self, **limits: int) -> None:
        self.do(SetLimits(limits=Limits(**limits)))

    def follow(self, author: str, *followers: str) -> None:
        for follower in followers:
            self.do(Follow(author=author, follower=follower))

    def post(
        self,
        author: str,
        text: str = "",
        kind: PostKind = PostKind.ORIGINAL,
        to: tuple[str, int] = ("", 0),
    ) -> int:
        """A post, a second after what was before; returns its id."""
        self.now_ms += 1_000
        self.do(
            WritePost(author=author, text=text, kind=kind, parent_author=to[0], parent_id=to[1])
        )
        return self.now_ms

    def ask(self, name: str, *arguments: object, **named: object) -> Any:
        """The answer of a query, which both stores give."""
        self._in_database.catch_up()
        query = MODELS.query(name)
        given = [str(value) for value in arguments]
        given += [f"{key}={value}" for key, value in named.items()]
        parsed = query.parse(given)
        answer = query.run(self.memory, parsed)
        assert answer == query.run(self.database, parsed)
        return answer

    def said(self, name: str, *arguments: object, **named: object) -> list[str]:
        """A list of posts, as `author: text`."""
        return [f"{post.author}: {post.text}" for post in self.ask(name, *arguments, **named)]

    def is_pulled(self, author: str) -> bool:
        with self.memory.reading() as reader:
            row = reader.get(AUTHORS, author)
        return row is not None and row.pushed is not None

    def close(self) -> None:
        self.tasks.close()
        self.database.close()
