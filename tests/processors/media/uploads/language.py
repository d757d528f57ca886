"""Short words for the tests of uploads: one owner's upload, its commands, and their answers."""

from hashlib import sha256
from typing import Any

from processors.media.uploads.commands import (
    AppendChunk,
    CreateUpload,
    HoldBlob,
    NoteHold,
    ReleaseBlob,
    SetPolicy,
)
from processors.media.uploads.decider import DECIDER
from processors.media.uploads.events import RejectCode, UploadRejected
from processors.media.uploads.invariants import check
from processors.media.uploads.state import Upload, Uploads
from processors.media.uploads.terms import Holder, Policy
from tests.given_when_then import Scenario

OWNER, UPLOAD = "ann", "cat"
HOUR_MS = 3_600_000
POLICY = Policy(
    quota_bytes=1000,
    upload_bytes_max=500,
    expire_after_ms=HOUR_MS,
    forget_after_ms=10 * HOUR_MS,
    sweep_after_ms=HOUR_MS // 2,
)


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


class Partition:
    """One partition, on which all keys stand; each command is checked by the invariant."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self._scenario: Scenario[Uploads] = Scenario(DECIDER, [])
        self.now = 0
        self.when(SetPolicy(policy=policy))

    @property
    def state(self) -> Uploads:
        return self._scenario.state

    def when(self, command: Any, at: int | None = None) -> list[Any]:
        self.now = self.now if at is None else at
        events = self._scenario.when(command, self.now)
        check(self.state)
        return events

    def quickly(self, command: Any) -> None:
        """As `when`, where nothing is looked at."""
        for event in DECIDER.decide(self.state, command, self.now):
            DECIDER.evolve(self.state, event)

    def rejected(self, command: Any) -> RejectCode:
        """The one rejection that a command leads to."""
        (event,) = self.when(command)
        assert isinstance(event, UploadRejected), event
        assert event.reason
        assert event.field in command.__struct_fields__
        return event.code

    def upload(self, name: str = UPLOAD) -> Upload:
        upload = self.state.upload(OWNER, name)
        assert upload is not None
        return upload

    def create(self, name: str = UPLOAD, length: int | None = 10, **terms: Any) -> list[Any]:
        return self.when(CreateUpload(owner=OWNER, upload=name, length=length, **terms))

    def send(self, content: bytes, name: str = UPLOAD, **terms: Any) -> list[Any]:
        """Hold and append the next bytes of an upload."""
        self.hold(content, name)
        return self.when(self.chunk(content, name, **terms))

    def hold(self, content: bytes, name: str = UPLOAD) -> list[Any]:
        number = self.upload(name).number
        digest = digest_of(content)
        self.when(HoldBlob(digest=digest, holder=holder(name, number)))
        return self.when(NoteHold(owner=OWNER, upload=name, number=number, digest=digest))

    def chunk(self, content: bytes, name: str = UPLOAD, **terms: Any) -> AppendChunk:
        upload = self.upload(name)
        fields = {
            "offset": upload.offset,
            "size": len(content),
            "digest": digest_of(content),
            "number": upload.number,
        }
        return AppendChunk(owner=OWNER, upload=name, **{**fields, **terms})


def holder(name: str = UPLOAD, number: int = 1) -> Holder:
    return Holder(system="media.uploads", owner=OWNER, name=name, number=number)


def release(content: bytes, who: Holder) -> ReleaseBlob:
    return ReleaseBlob(digest=digest_of(content), holder=who)
