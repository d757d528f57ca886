"""Uploads on two partitions, with everything in between as slow and as out of order as may be.

Fronts stage, hold, put and name; reactors deliver in order from each partition to each; what the
outside answers, and what fronts send, comes in any order. A request of the outside may be done
at any time after it was asked, also by a worker that woke up long after it was replaced, and
again, whether it is still wanted or not. Who goes next is drawn.
"""

from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from log.partitioner import partition_for_key
from processors.core.effect import Refused
from processors.core.messages import Tick
from processors.core.timers import decide_fully
from processors.media.blobs import BlobStore
from processors.media.uploads import SYSTEM, effects, key_of
from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    SetPolicy,
    SurveyStore,
    TerminateUpload,
)
from processors.media.uploads.decider import DECIDER
from processors.media.uploads.events import (
    HoldNoted,
    HoldReturned,
    UploadCreated,
    UploadRejected,
)
from processors.media.uploads.invariants import check
from processors.media.uploads.reactors import REACTORS
from processors.media.uploads.state import Phase, Uploads
from processors.media.uploads.terms import Holder, Policy

CONTENTS = (b"a", b"aa")
"""Few, and parts of each other: uploads on both partitions need the same blobs all the time, as
chunks and as files."""
OWNERS = ("ann", "ben")
PARTITIONS = 2
POLICY = Policy(expire_after_ms=150, forget_after_ms=50, sweep_after_ms=10)
Acts = dict[type[Any], Callable[[BlobStore, Any], Any]]


def place(key: str) -> int:
    return partition_for_key(key.encode(), PARTITIONS)


assert place(OWNERS[0]) != place(OWNERS[1])


class Lost(AssertionError):
    """An upload has bytes that the store has not."""


class Cluster:
    def __init__(self, draw: Random, blobs: BlobStore, acts: Acts | None = None) -> None:
        self.draw = draw
        self.blobs = blobs
        self.acts = acts or effects.ACTS
        self.now = 0
        self.states = [Uploads() for _ in range(PARTITIONS)]
        self.mail: dict[tuple[int, int], deque[Any]] = {
            (one, other): deque() for one in range(PARTITIONS) for other in range(PARTITIONS)
        }
        self.sent: list[Any] = []
        self.requests: list[Any] = []
        self.events: list[Any] = []
        self.swept = 0
        for number in range(PARTITIONS):
            self.decide(number, SetPolicy(policy=POLICY))
        self.fronts = [self.front(owner, f"file-{n}") for owner in OWNERS for n in range(2)]

    def decide(self, number: int, command: Any) -> list[Any]:
        events, self.states[number] = decide_fully(DECIDER, self.states[number], command, self.now)
        for event in events:
            self.events.append(event)
            for reactor in REACTORS:
                react = reactor.on.get(type(event))
                for led_to in react(event, self.now) if react else ():
                    self.mail[number, place(str(key_of(led_to)))].append(led_to)
            if type(event) in self.acts:
                self.requests.append(event)
        check(self.states[number])
        return events

    def front(self, owner: str, name: str) -> Iterator[None]:
        """A front at one name: upload after upload of a few pieces; each `yield` is a pause."""
        while True:
            contents = [self.draw.choice(CONTENTS) for _ in range(self.draw.choice((1, 2, 3)))]
            length = sum(map(len, contents))
            create = CreateUpload(owner=owner, upload=name, length=length)
            created = self.decide(place(owner), create)[-1]
            yield
            if isinstance(created, UploadCreated):
                yield from self.fill(created, contents)
            self.now += 1

    def fill(self, upload: UploadCreated, contents: list[bytes]) -> Iterator[None]:
        named: dict[str, Any] = {
            "owner": upload.owner,
            "upload": upload.upload,
            "number": upload.number,
        }
        offset = 0
        for content in contents:
            with self.blobs.stage([content]) as staged:
                digest = staged.blob.digest
                yield
                since = len(self.events)
                holder = Holder(
                    system=SYSTEM.name,
                    owner=upload.owner,
                    name=upload.upload,
                    number=upload.number,
                )
                self.sent.append(HoldBlob(digest=digest, holder=holder))
                while (held := self.held(named, digest, since)) is None:
                    yield
                if not held:
                    return
                yield
                staged.keep()
            yield
            chunk = AppendChunk(**named, offset=offset, size=len(content), digest=digest)
            answer = self.decide(place(upload.owner), chunk)[-1]
            if isinstance(answer, UploadRejected):
                return
            offset += len(content)
            yield

    def held(self, named: dict[str, Any], digest: str, since: int) -> bool | None:
        for event in self.events[since:]:
            if isinstance(event, HoldNoted | HoldReturned):
                about = {"owner": event.owner, "upload": event.upload, "number": event.number}
                if about == named and event.digest == digest:
                    return isinstance(event, HoldNoted)
        return None

    def step(self) -> None:
        """One thing happens, anywhere. Lost where it was one too many."""
        kind = self.draw.randrange(10)
        boxes = [box for box, mail in self.mail.items() if mail]
        if kind < 3 and boxes:
            box = self.draw.choice(boxes)
            self.decide(box[1], self.mail[box].popleft())
        elif kind < 5 and self.sent:
            command = self.sent.pop(self.draw.randrange(len(self.sent)))
            self.decide(place(str(key_of(command))), command)
        elif kind < 7 and self.requests:
            self.perform()
        elif kind == 7:
            self.now += self.draw.randrange(20)
            self.decide(self.draw.randrange(PARTITIONS), Tick())
        elif kind == 8 and self.draw.random() < 0.3:
            owner, name = self.draw.choice(OWNERS), f"file-{self.draw.randrange(2)}"
            self.decide(place(owner), TerminateUpload(owner=owner, upload=name))
        else:
            next(self.draw.choice(self.fronts))
        self.check()

    def perform(self) -> None:
        """Any request, in time or not. Some stay to be performed once more."""
        index = self.draw.randrange(len(self.requests))
        event = self.requests[index]
        if self.draw.random() < 0.3:
            self.requests.pop(index)
        try:
            answer = self.acts[type(event)](self.blobs, event)
        except Refused as error:
            answer = effects.failed(event, str(error))
        self.sent.append(answer)

    def check(self) -> None:
        for state in self.states:
            for owner in state.owners.values():
                for upload in owner.uploads.values():
                    if upload.phase is Phase.ENDED:
                        continue
                    for part in upload.parts:
                        if self.blobs.size(part.digest) is None:
                            raise Lost(f"{upload.owner}/{upload.upload}: {part}")

    def end(self) -> None:
        """Every upload ends, all that is under way arrives, and the store is looked through."""
        for front in self.fronts:
            front.close()  # type: ignore[attr-defined]
        for number, state in enumerate(self.states):
            for name, owner in list(state.owners.items()):
                for upload in list(owner.uploads):
                    self.decide(number, TerminateUpload(owner=name, upload=upload))
        self.settle()
        self.decide(place("last"), SurveyStore(survey="last"))
        self.settle()

    def settle(self) -> None:
        for _ in range(2000):
            for box, mail in self.mail.items():
                while mail:
                    self.decide(box[1], mail.popleft())
            while self.sent:
                command = self.sent.pop()
                self.decide(place(str(key_of(command))), command)
            while self.requests:
                self.perform()
            if not self.sent and not any(self.mail.values()):
                if not any(state.timers for state in self.states):
                    return
                self.now += 10
                for number in range(PARTITIONS):
                    self.decide(number, Tick())
        raise AssertionError("it does not come to rest")
