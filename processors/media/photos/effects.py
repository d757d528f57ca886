"""What photos ask of the outside: renditions of a picture in the blob store.

    render_requested ─► read, render, put ─► record_renditions, record_render_failed

Done again, it puts the same bytes. Pillow is imported when a worker opens the effect.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from log.envelope import Command
from processors.core.effect import Effect, Limits, Perform, Request
from processors.media.blobs import BlobMissing, BlobStore, open_blobs
from processors.media.photos.commands import RecordRenderFailed
from processors.media.photos.decider import is_awaited
from processors.media.photos.events import RenderRequested
from processors.media.photos.flow import made_of, rendered
from processors.media.photos.samples import samples
from processors.media.photos.state import Photos
from processors.media.photos.terms import Failure, Rendition

AT_ONCE: Final = 2
"""Pictures in memory: each takes some 4 bytes a pixel, twice."""
SECONDS_FOR_A_LARGE_PICTURE: Final = 300.0


def render(blobs: BlobStore, event: RenderRequested) -> Command:
    """Errors: those of the blob store, which are worth another attempt."""
    from processors.media.photos.rendering import Unrendered, renditions, upright

    if event.expected and all(blobs.renew(each.digest) for each in event.expected):
        return made_of(event, event.width, event.height, event.expected)
    try:
        blobs.renew(event.digest)  # held since, and put before that
        with blobs.open(event.digest) as file:
            picture = upright(file.read(), event.policy)
        with picture:
            made = [
                Rendition(
                    edge=each.edge,
                    width=each.width,
                    height=each.height,
                    filetype=each.filetype,
                    **blobs.put([each.content])._asdict(),
                )
                for each in renditions(picture, event.policy)
            ]
            return made_of(event, picture.width, picture.height, tuple(reversed(made)))
    except BlobMissing as error:
        return _failed(event, Failure.SOURCE_MISSING, str(error))
    except Unrendered as error:
        return _failed(event, error.failure, str(error))


def _failed(event: RenderRequested, failure: Failure, reason: str) -> Command:
    return RecordRenderFailed(
        photo=event.photo,
        number=event.number,
        attempt=event.attempt,
        failure=failure,
        reason=reason,
    )


@asynccontextmanager
async def open_renderer(settings: Mapping[str, str]) -> AsyncIterator[Perform]:
    import processors.media.photos.rendering  # noqa: F401  it says here if Pillow is not there

    blobs = await asyncio.to_thread(open_blobs, settings["blobs"])

    async def perform(request: Request) -> Command:
        return await asyncio.to_thread(render, blobs, request.event)

    yield perform


def wanted(state: Photos, event: RenderRequested) -> bool:
    return is_awaited(state, event.photo, event.number, event.attempt)


def failed(event: RenderRequested, reason: str) -> Command:
    return _failed(event, Failure.OUTSIDE, reason)


@asynccontextmanager
async def sample_store() -> AsyncIterator[Mapping[str, str]]:
    """For the demo: a folder, until its end, with the pictures of the flow."""
    with tempfile.TemporaryDirectory(prefix="refold-photos-") as folder:
        blobs = open_blobs(folder)
        for sample in samples():
            await asyncio.to_thread(blobs.put, [sample.content])
        yield {"blobs": folder}


RENDER = Effect(
    name="render",
    on=(RenderRequested,),
    open=open_renderer,
    wanted=wanted,
    failed=failed,
    limits=Limits(at_once=AT_ONCE, attempt_s=SECONDS_FOR_A_LARGE_PICTURE),
    settings={"blobs": "blobs"},
    simulator=sample_store,
    script=lambda request: rendered(request.event),
)
EFFECTS = (RENDER,)
