"""A seeded flow of photos: added, rendered, rendered again, removed, and all that comes back.

As that of uploads: a world of its own decides every command as it is given out, so that numbers,
attempts and answers fit. The ledger of blobs holds at once what it is asked to hold.
"""

import heapq
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, Final

from log.partitioner import partition_for_key
from processors.core.timers import decide_fully
from processors.media.photos.commands import (
    AddPhoto,
    RecordRenderFailed,
    RecordRenditions,
    RemovePhoto,
    RenderAgain,
    SetPhotoPolicy,
)
from processors.media.photos.decider import DECIDER
from processors.media.photos.events import PhotoAdded, PhotoFailed, PhotoRemoved, RenderRequested
from processors.media.photos.reactors import HOLDS, HoldBlob, note
from processors.media.photos.samples import SIZES, samples
from processors.media.photos.state import Photos
from processors.media.photos.terms import Failure, Policy, Rendition
from processors.media.uploads.events import BlobHeld

START_MS: Final = 1_700_000_000_000
PARTITIONS: Final = 4
OWNERS: Final = tuple(f"owner-{number}" for number in range(1, 9))
LADDERS: Final = ((160, 320, 640), (100, 200, 400, 800), (320,))
ASKED: Final = (SetPhotoPolicy, AddPhoto, RemovePhoto, RenderAgain)
"""What people send."""

Timed = tuple[int, Any]


class World:
    """Partitions of photos that decide what is sent, and answer themselves."""

    def __init__(self, seed: int, start_ms: int) -> None:
        self.draw = Random(seed)
        self.states: list[Photos] = [Photos() for _ in range(PARTITIONS)]
        self.waiting: list[tuple[int, int, Any]] = []
        self.numbers = count()
        self.names = count(1)
        self.photos: list[str] = []
        self.send(start_ms, SetPhotoPolicy(policy=Policy(ladder=LADDERS[0])))

    def send(self, at: int, command: Any) -> None:
        heapq.heappush(self.waiting, (at, next(self.numbers), command))

    def step(self) -> Timed:
        at, _, command = heapq.heappop(self.waiting)
        everywhere = isinstance(command, SetPhotoPolicy)
        for number in range(PARTITIONS) if everywhere else (place(command.photo),):
            events, self.states[number] = decide_fully(DECIDER, self.states[number], command, at)
            for event in events:
                self._react(event, at)
        return at, command

    def _react(self, event: Any, at: int) -> None:
        draw = self.draw
        react = HOLDS.on.get(type(event))
        for command in react(event, at) if react else ():
            if isinstance(command, HoldBlob):
                held = BlobHeld(
                    digest=command.digest, holder=command.holder, ticket=command.ticket
                )
                for noted in note(held, at):
                    self.send(at + 1 + draw.randrange(20), noted)
        match event:
            case RenderRequested():
                answer = self._answer(event)
                for _ in range(1 if draw.random() < 0.9 else 2):
                    self.send(at + 5 + draw.randrange(1500), answer)
            case PhotoAdded():
                self.photos.append(event.photo)
            case PhotoRemoved():
                self.photos.remove(event.photo)
            case PhotoFailed() if draw.random() < 0.4:
                self.send(at + draw.randrange(5000), RenderAgain(photo=event.photo))

    def _answer(self, event: RenderRequested) -> Any:
        """The outside: it fails now and then, and now and then makes other bytes."""
        luck = self.draw.random()
        if luck < 0.12:
            failure = self.draw.choice(list(Failure))
            return RecordRenderFailed(
                photo=event.photo,
                number=event.number,
                attempt=event.attempt,
                failure=failure,
                reason="it could not be",
            )
        return rendered(event, other=luck > 0.9)


def rendered(event: RenderRequested, *, other: bool = False) -> RecordRenditions:
    """What rendering might give; `other` bytes than the last time."""
    width, height = SIZES[int(event.digest, 16) % len(SIZES)]
    made = event.expected
    if not made or other:
        salt = event.attempt if other else 0
        made = tuple(_rendition(event, width, height, edge, salt) for edge in _edges(event))
    return made_of(event, width, height, made)


def made_of(
    event: RenderRequested, width: int, height: int, renditions: tuple[Rendition, ...]
) -> RecordRenditions:
    """The answer to a request: a picture of this size led to these."""
    return RecordRenditions(
        photo=event.photo,
        number=event.number,
        attempt=event.attempt,
        width=width,
        height=height,
        renditions=renditions,
    )


def place(photo: str) -> int:
    return partition_for_key(photo.encode(), PARTITIONS)


def _edges(event: RenderRequested) -> tuple[int, ...]:
    return event.policy.ladder[:3]


def _rendition(event: RenderRequested, width: int, height: int, edge: int, salt: int) -> Rendition:
    own = max(width, height)
    return Rendition(
        edge=edge,
        width=max(1, width * edge // own),
        height=max(1, height * edge // own),
        filetype="image/jpeg",
        digest=sha256(f"{event.digest} {edge} {salt}".encode()).hexdigest(),
        size=edge * 20,
    )


def _add(world: World, at: int) -> None:
    draw = world.draw
    sample, owner = draw.choice(samples()), draw.choice(OWNERS)
    number = next(world.names)
    name = f"{owner}/photo-{number}/{number}"
    if world.photos and draw.random() < 0.05:
        name = draw.choice(world.photos)
    photo = AddPhoto(
        photo=name,
        owner=owner,
        digest=sample.digest,
        size=len(sample.content),
        filetype=sample.filetype,
        filename=f"{number}.png",
    )
    twist = draw.randrange(20)
    if twist == 0:
        photo.filetype = "image/svg+xml"
    elif twist == 1:
        photo.size = 1 << 40
    world.send(at, photo)


def _change(world: World, at: int) -> None:
    draw = world.draw
    name = draw.choice(world.photos) if world.photos and draw.random() < 0.9 else "none"
    kind = RemovePhoto if draw.random() < 0.4 else RenderAgain
    world.send(at, kind(photo=name))


def _operate(world: World, at: int) -> None:
    world.send(at, SetPhotoPolicy(policy=Policy(ladder=world.draw.choice(LADDERS))))


def flow(seed: int, start_ms: int = START_MS, *, answered: bool = True) -> Iterator[Timed]:
    """Endless (timestamp in ms, command). Not `answered`: only what people send."""
    world = World(seed, start_ms)
    acts = (_add,) * 14 + (_change,) * 5 + (_operate,)
    now = start_ms
    while True:
        now += world.draw.randrange(2000)
        world.draw.choice(acts)(world, now)
        while world.waiting and world.waiting[0][0] <= now:
            at, command = world.step()
            if answered or isinstance(command, ASKED):
                yield at, command


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[Timed]:
    return flow(seed, start_ms, answered=False)
