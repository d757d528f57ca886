"""A seeded flow of uploads: people with their habits, and all that comes back to the rules.

    people (front) ─► command ─► the rules, on as many partitions as usual ─► events
         ▲                ▲                                                     │
         └── hold_noted ──┴──── reactors, and an outside that is made up ◄──────┘

So that ids, offsets and answers fit, a world of its own decides every command as it is given out.
Chunks come twice, too late, too long, with a wrong checksum; uploads are left lying and expire,
are put together from partial ones, fail to be, and are tried again.
"""

import heapq
from collections.abc import Iterable, Iterator
from hashlib import sha1, sha256
from itertools import count
from random import Random
from typing import Any, Final

from log.partitioner import partition_for_key
from processors.core.timers import decide_fully
from processors.media.uploads.commands import (
    BY_DIGEST,
    BY_SURVEY,
    AppendChunk,
    CreateUpload,
    HoldBlob,
    NoteHold,
    RecordAssembled,
    RecordAssemblyFailed,
    RecordStamps,
    RecordSurvey,
    RecordSweepFailed,
    RecordSwept,
    RetryAssembly,
    SetPolicy,
    SetQuota,
    SurveyStore,
    TerminateUpload,
)
from processors.media.uploads.decider import DECIDER
from processors.media.uploads.events import (
    AssemblyFailed,
    AssemblyRequested,
    FileStored,
    HoldNoted,
    SurveyRequested,
    SweepPlanned,
    SweepRequested,
    UploadCompleted,
    UploadCreated,
)
from processors.media.uploads.reactors import REACTORS, holder_of
from processors.media.uploads.samples import DIGESTS, SAMPLES
from processors.media.uploads.state import Uploads
from processors.media.uploads.terms import Policy

START_MS: Final = 1_700_000_000_000
PARTITIONS: Final = 4
POLICY: Final = Policy(
    quota_bytes=400_000,
    upload_bytes_max=60_000,
    expire_after_ms=60_000,
    forget_after_ms=120_000,
    sweep_after_ms=20_000,
)
OWNERS: Final = tuple(f"owner-{number}" for number in range(1, 13))
TYPES: Final = ("image/jpeg", "image/png", "video/mp4", "application/pdf")
STAMP: Final = "01700000000000000000-0badcafe"
ASKED: Final = (
    SetPolicy,
    SetQuota,
    CreateUpload,
    HoldBlob,
    NoteHold,
    AppendChunk,
    TerminateUpload,
    RetryAssembly,
    SurveyStore,
)
"""What people and the front send. Holds among it, as no reactor is quick enough for a flow that
waits for nobody."""

Timed = tuple[int, Any]


class World:
    """Partitions of uploads that decide what is sent, and answer themselves."""

    def __init__(self, seed: int, start_ms: int) -> None:
        self.draw = Random(seed)
        self.states: list[Uploads] = [Uploads() for _ in range(PARTITIONS)]
        self.times = [0] * PARTITIONS
        self.waiting: list[tuple[int, int, Any]] = []
        self.numbers = count()
        self.contents = dict(zip(DIGESTS, SAMPLES, strict=True))
        self.plans: dict[tuple[str, str], list[int]] = {}
        """What each upload has still to send, as numbers of samples."""
        self.uploads = count(1)
        self.files: list[tuple[str, str]] = []
        self.partials: dict[str, list[str]] = {}
        self.send(start_ms, SetPolicy(policy=POLICY))

    def send(self, at: int, command: Any) -> None:
        heapq.heappush(self.waiting, (at, next(self.numbers), command))

    def step(self) -> Timed:
        """The next command, decided; what it leads to is on its way."""
        at, _, command = heapq.heappop(self.waiting)
        for number in self._partitions(command):
            at_there = self.times[number] = max(at, self.times[number])
            state = self.states[number]
            events, self.states[number] = decide_fully(DECIDER, state, command, at_there)
            for event in events:
                self._react(event, at)
        return at, command

    def _partitions(self, command: Any) -> Iterable[int]:
        if isinstance(command, SetPolicy):
            return range(PARTITIONS)
        if isinstance(command, BY_DIGEST):
            key = command.digest
        else:
            key = command.survey if isinstance(command, BY_SURVEY) else command.owner
        return (partition_for_key(key.encode(), PARTITIONS),)

    def _react(self, event: Any, at: int) -> None:
        for reactor in REACTORS:
            react = reactor.on.get(type(event))
            for command in react(event, at) if react else ():
                self.send(at + 1 + self.draw.randrange(5), command)
        self._answer(event, at + 5 + self.draw.randrange(2000))
        self._go_on(event, at + 1 + self.draw.randrange(300))

    def _answer(self, event: Any, at: int) -> None:
        """The outside: it fails now and then, and may say a thing twice."""
        answer: Any = None
        is_lucky = self.draw.random() < 0.85
        match event:
            case AssemblyRequested(owner=owner, upload=upload, number=number, attempt=attempt):
                whole = b"".join(self.contents[part.digest] for part in event.parts)
                digest = sha256(whole).hexdigest()
                self.contents[digest] = whole
                who: dict[str, Any] = {
                    "owner": owner,
                    "upload": upload,
                    "number": number,
                    "attempt": attempt,
                }
                if is_lucky:
                    answer = RecordAssembled(digest=digest, size=len(whole), **who)
                else:
                    answer = RecordAssemblyFailed(reason="OSError: the disk is full", **who)
            case SweepPlanned(digest=digest, attempt=attempt):
                answer = RecordStamps(digest=digest, attempt=attempt, stamps=(STAMP,))
            case SweepRequested(digest=digest, attempt=attempt) if is_lucky:
                answer = RecordSwept(digest=digest, attempt=attempt)
            case SweepRequested(digest=digest, attempt=attempt):
                reason = "TimeoutError: no answer within 10 s"
                answer = RecordSweepFailed(digest=digest, attempt=attempt, reason=reason)
            case SurveyRequested(survey=survey, after=after):
                found = tuple(sorted(DIGESTS)[:5])
                answer = RecordSurvey(survey=survey, after=after, digests=found, is_last=True)
        if answer is not None:
            for _ in range(1 if self.draw.random() < 0.9 else 2):
                self.send(at, answer)

    def _go_on(self, event: Any, at: int) -> None:
        """The front and the client, told of what happened."""
        match event:
            case UploadCreated() if not event.partials and event.length != 0:
                self._hold_next(event, at)
            case HoldNoted() if self.plans.get((event.owner, event.upload)):
                self._send_chunk(event, at)
            case UploadCompleted():
                self.plans.pop((event.owner, event.upload), None)
            case FileStored():
                self.files.append((event.owner, event.upload))
            case AssemblyFailed():
                if self.draw.random() < 0.7:
                    self.send(at, RetryAssembly(owner=event.owner, upload=event.upload))

    def _hold_next(self, event: Any, at: int) -> None:
        plan = self.plans.get((event.owner, event.upload))
        if plan and self.draw.random() < 0.9:
            self.send(at, HoldBlob(digest=DIGESTS[plan[0]], holder=holder_of(event)))

    def _send_chunk(self, event: HoldNoted, at: int) -> None:
        """The chunk that is held; now and then as it should not be."""
        owner, name = event.owner, event.upload
        number = partition_for_key(owner.encode(), PARTITIONS)
        upload = self.states[number].owners[owner].uploads[name]
        plan = self.plans[owner, name]
        if DIGESTS[plan[0]] != event.digest:
            return
        sample = SAMPLES[plan.pop(0)]
        chunk = AppendChunk(
            owner=owner,
            upload=name,
            number=event.number,
            offset=upload.offset,
            size=len(sample),
            digest=event.digest,
            length=None if plan else upload.offset + len(sample),
        )
        if self.draw.random() < 0.3:
            measured = sha1(sample).hexdigest()
            chunk.checksum_algorithm = "sha1"
            chunk.checksum_claimed = chunk.checksum_measured = measured
        for twisted in _twisted(self.draw, chunk):
            self.send(at, twisted)
        self.send(at + 1, chunk)
        self._hold_next(event, at + 2 + self.draw.randrange(500))


def _twisted(draw: Random, chunk: AppendChunk) -> Iterator[AppendChunk]:
    """What a client sends that lies, repeats or overlaps. Its chunk comes after that."""
    twist = draw.randrange(40)
    if twist == 0 and chunk.offset:
        yield _changed(chunk, offset=chunk.offset - 1)
    elif twist == 1:
        yield _changed(chunk, offset=chunk.offset + chunk.size)
    elif twist == 2:
        yield _changed(
            chunk, checksum_algorithm="sha1", checksum_claimed="00", checksum_measured="11"
        )
    elif twist == 3:
        yield _changed(chunk, checksum_algorithm="md6")
    elif twist == 4:
        yield _changed(chunk, size=50_000)
    elif twist == 5:
        yield _changed(chunk, digest=sha256(b"never held").hexdigest())
    elif twist == 6:
        yield _changed(chunk, number=chunk.number + 1)
    elif twist == 7:
        yield chunk  # and so it comes twice
    elif twist == 8:
        yield _changed(chunk, length=chunk.offset + chunk.size + 100_000)


def _changed(chunk: AppendChunk, **changes: Any) -> AppendChunk:
    fields = {name: getattr(chunk, name) for name in chunk.__struct_fields__}
    return AppendChunk(**{**fields, **changes})


def _create(world: World, at: int) -> None:
    """An upload of one to five samples: of a known length, or not, or in partial uploads."""
    draw = world.draw
    owner, name = draw.choice(OWNERS), f"upload-{next(world.uploads)}"
    plan = [draw.randrange(len(SAMPLES)) for _ in range(draw.choice((1, 1, 2, 3, 5)))]
    length = sum(len(SAMPLES[each]) for each in plan)
    metadata = {"filename": f"{name}.bin", "filetype": draw.choice(TYPES)}
    world.plans[owner, name] = plan
    kind = draw.randrange(20)
    if kind < 3:
        world.partials.setdefault(owner, []).append(name)
        world.send(at, CreateUpload(owner=owner, upload=name, length=length, partial=True))
    elif kind < 6:
        world.send(at, CreateUpload(owner=owner, upload=name, metadata=metadata))
    elif kind == 6:
        world.send(at, CreateUpload(owner=owner, upload=name, length=0, metadata=metadata))
    elif kind == 7:
        world.send(at, CreateUpload(owner=owner, upload=name, length=10**6, metadata={"a b": "c"}))
    elif kind == 8:
        world.send(at, CreateUpload(owner=owner, upload=name, length=10**6, metadata=metadata))
    else:
        world.send(at, CreateUpload(owner=owner, upload=name, length=length, metadata=metadata))


def _concatenate(world: World, at: int) -> None:
    draw = world.draw
    if not world.partials:
        return
    owner = draw.choice(list(world.partials))
    names = tuple(world.partials[owner][-3:])
    if draw.random() < 0.5:
        del world.partials[owner]
    final = f"upload-{next(world.uploads)}"
    world.send(at, CreateUpload(owner=owner, upload=final, partials=names))
    if draw.random() < 0.3:
        world.send(at + 1, TerminateUpload(owner=owner, upload=names[0]))


def _end(world: World, at: int) -> None:
    draw = world.draw
    if world.files and draw.random() < 0.6:
        owner, name = world.files.pop(draw.randrange(len(world.files)))
    elif world.plans:
        owner, name = draw.choice(list(world.plans))
    else:
        owner, name = OWNERS[0], "upload-0"
    world.send(at, TerminateUpload(owner=owner, upload=name))


def _operate(world: World, at: int) -> None:
    draw = world.draw
    if draw.random() < 0.5:
        world.send(at, SetQuota(owner=draw.choice(OWNERS), quota_bytes=draw.choice((5000, 10**6))))
    else:
        world.send(at, SurveyStore(survey=f"survey-{at}"))


def flow(seed: int, start_ms: int = START_MS, *, answered: bool = True) -> Iterator[Timed]:
    """Endless (timestamp in ms, command). Not `answered`: only what people and the front send."""
    world = World(seed, start_ms)
    acts = (_create,) * 12 + (_concatenate,) * 2 + (_end,) * 2 + (_operate,)
    now = start_ms
    while True:
        now += world.draw.randrange(3000)
        world.draw.choice(acts)(world, now)
        while world.waiting and world.waiting[0][0] <= now:
            at, command = world.step()
            if answered or isinstance(command, ASKED):
                yield at, command


def demo_flow(seed: int, start_ms: int = START_MS) -> Iterator[Timed]:
    return flow(seed, start_ms, answered=False)
