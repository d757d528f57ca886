"""The uploads of a server: bodies on their way into the blob store, and where each upload stands.

    request ─► Body ─► a thread ─► Receiver ─► blob store, commands, their events ─► the answer

A thread for each body, as many as `AT_ONCE`; more are sent away. What an upload is, is told by the
event that created it, which its URL names; how far it is, by the read models, once they have
applied all that was decided before the question.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import msgspec
from litestar.types import Receive

from gateway.actors import actor_headers
from gateway.http.catalogue import Served
from gateway.http.media.bodies import Body
from gateway.http.media.places import path_of
from gateway.http.media.stores import Stores
from gateway.http.problems import CommandPlace, ProblemFound, problem
from gateway.http.service import Service
from log.errors import LogError
from log.record import NO_HEADERS
from processors.core.system import place_of
from processors.media.uploads.commands import CreateUpload, TerminateUpload
from processors.media.uploads.events import UploadCreated, UploadRejected
from processors.media.uploads.receiving import Checksum, NotAnswered, Received, Receiver
from projections.media.uploads.queries import UploadStatus

logger = logging.getLogger("refold.http")

AT_ONCE = 64
CHECKED_BYTES_MAX = 1 << 30
"""Of a body with a checksum, since the rules see nothing of it until all of it is there. Others
come to them chunk by chunk, and end where they say so."""
NO_LIMIT = 1 << 63
LOOK_AGAIN_S = 0.01
Result = TypeVar("Result")
Name = tuple[str, str]
"""An owner, and an upload of it."""


class Place(msgspec.Struct, frozen=True):
    """An upload, as its URL names it: `cause` is the offset of the command that created it."""

    owner: str
    upload: str
    number: int
    cause: int

    @property
    def last(self) -> str:
        return f"{self.number}-{self.cause}"

    def path(self, served: Served) -> str:
        return path_of(served.path, self.owner, self.upload, self.last)


def place_in(names: list[str]) -> Place:
    """Errors: ProblemFound (404)."""
    owner, upload, last = names
    number, found, cause = last.partition("-")
    for digits in (number, cause):
        if not (found and digits.isascii() and digits.isdecimal() and len(digits) < 18):
            raise problem(404, "there is no such upload")
    return Place(owner, upload, int(number), int(cause))


class Uploads:
    """A part of the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._served = service.catalogue.find("media", "uploads")
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="refold-upload")
        self._bodies: dict[Body, tuple[Name, asyncio.Event]] = {}
        """Under way: of which upload, and what is set once all that came is durable."""
        self._under_way = 0
        self._ending = asyncio.create_task(self._end())

    async def _end(self) -> None:
        """Bodies would not end by themselves: what came of them is kept."""
        await self._service.closing.wait()
        for body in self._bodies:
            body.break_off(problem(503, "the server ends: go on with the next"))

    async def take_over(self, name: Name) -> None:
        """Who asks where an upload stands, or goes on with it, has the word: a body of before,
        whose connection may be long dead, is broken off, and what came of it is kept."""
        for body, (of, done) in list(self._bodies.items()):
            if of == name:
                body.break_off(problem(409, "a later request goes on with this upload"))
                await done.wait()

    def close(self) -> None:
        self._ending.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, actor: str, work: Callable[[Receiver], Result]) -> Result:
        """Errors: ProblemFound, LogError."""
        if self._under_way >= AT_ONCE:
            raise problem(503, f"{self._under_way} uploads are under way: come back later")
        self._under_way += 1
        try:
            blobs = await self._service.part(Stores).of(self._served)
            headers = actor_headers(actor) if actor else NO_HEADERS
            receiver = Receiver(
                self._served.log, blobs, answer_s=self._service.limits.wait_s, headers=headers
            )
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, receiver)
        except (ProblemFound, LogError):
            raise
        except NotAnswered as error:
            raise problem(504, str(error), "not-decided-yet") from None
        except ValueError as error:
            raise problem(422, str(error)) from None
        except Exception as error:  # of whatever medium the store is on
            logger.error("the blob store refuses: %s: %s", type(error).__name__, error)
            raise problem(503, "the blob store refuses, or does not answer") from error
        finally:
            self._under_way -= 1

    async def create(self, actor: str, command: CreateUpload) -> UploadCreated | UploadRejected:
        return await self._in_thread(actor, lambda receiver: receiver.create(command))

    async def terminate(self, actor: str, place: Place) -> UploadRejected | None:
        command = TerminateUpload(owner=place.owner, upload=place.upload)
        return await self._in_thread(actor, lambda receiver: receiver.terminate(command))

    async def receive(
        self,
        actor: str,
        receive: Receive,
        created: UploadCreated,
        offset: int,
        length: int | None = None,
        checksum: Checksum | None = None,
    ) -> Received:
        """The rest of a request goes on with an upload at `offset`."""
        name = (created.owner, created.upload)
        await self.take_over(name)
        bytes_max = NO_LIMIT if checksum is None else CHECKED_BYTES_MAX
        body = Body(receive, self._service.limits.body_s, bytes_max)
        if self._service.closing.is_set():
            raise problem(503, "the server ends: go on with the next")
        done = asyncio.Event()
        self._bodies[body] = name, done
        work = partial(
            Receiver.receive,
            owner=created.owner,
            upload=created.upload,
            number=created.number,
            offset=offset,
            body=body,
            length=length,
            checksum=checksum,
        )
        try:
            return await self._in_thread(actor, work)
        finally:
            del self._bodies[body]
            body.break_off()
            done.set()

    async def created(self, place: Place) -> UploadCreated:
        """The event that an upload began with. Errors: ProblemFound (404, 410)."""
        number = place_of(place.owner, self._served.partitions)[1][0]
        find = self._service.recorded(self._served).find
        answer = await self._service.blocking(find, CommandPlace(number, place.cause))
        events: list[Any] = answer[0].events if answer else []
        for event in events:
            if isinstance(event, UploadCreated):
                known = (event.owner, event.upload, event.number)
                if known == (place.owner, place.upload, place.number):
                    return event
        raise problem(404, "there is no such upload")

    async def status(self, place: Place) -> UploadStatus:
        """Where an upload stands now. Errors: ProblemFound (404, 410, 504)."""
        await self._all_applied(place_of(place.owner, self._served.partitions)[1][0])
        query = self._served.models.query("upload")
        arguments = {"owner": place.owner, "upload": place.upload}
        run = partial(query.run, self._served.store, arguments)
        found: UploadStatus | None = await self._service.blocking(run)
        if found is None:
            raise problem(404, "there is no such upload any more")
        if found.number != place.number or found.state in ("terminated", "expired"):
            raise problem(410, "it was terminated, or has expired: begin again")
        return found

    async def _all_applied(self, number: int) -> None:
        """Until what stands on the log by now is decided, and in the read models."""
        served, blocking = self._served, self._service.blocking
        commands = served.log.partition(served.system.commands_topic, number)
        end = commands.high_watermark
        last_decided = self._service.recorded(served).last_decided
        try:
            async with asyncio.timeout(self._service.limits.wait_s):
                while True:
                    cause, sequence = await blocking(last_decided, number)
                    if cause >= end - 1:
                        break
                    await asyncio.sleep(LOOK_AGAIN_S)
                while not await blocking(served.applied.has_applied, number, sequence):
                    await asyncio.sleep(LOOK_AGAIN_S)
        except TimeoutError:
            raise problem(
                504, "what was sent before is not decided and applied yet", "not-applied-yet"
            ) from None
