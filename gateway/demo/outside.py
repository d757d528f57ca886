"""The outside world of a demo's effects, which is nobody's real one: simulators that they bring,
and one folder for all files, which holds what the flows speak of.

Systems that hand files on to each other (an upload becomes a video) have to look into the same
store, so that the simulators' own stores are only copied from.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager
from pathlib import Path

from anyio.from_thread import BlockingPortal, start_blocking_portal

from processors.core.effect import Effect
from processors.core.system import System
from processors.core.workers.outside import Settings
from processors.media.blobs import BlobStore, open_blobs

STORES = ("blobs", "uploads")
"""Settings of effects that lead to a blob store."""
PUT_EVERY_S = 0.5
"""How often what was swept, and the flows speak of again, is put back."""

Simulator = Callable[[], AbstractAsyncContextManager[Mapping[str, str]]]


@contextmanager
def outside_of(
    systems: Sequence[System], given: Settings, folder: Path
) -> Iterator[dict[str, dict[str, str]]]:
    """Within, the settings of all effects: `given`, but where an effect brings a simulator."""
    settings = {name: dict(each) for name, each in given.items()}
    blobs = open_blobs(str(folder / "blobs"))
    samples = open_blobs(str(folder / "samples"))
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        simulated: dict[Simulator, dict[str, str]] = {}
        for system in systems:
            for effect in system.effects:
                if effect.simulator is None:
                    continue
                if effect.simulator not in simulated:
                    there = _started(stack, portal, effect, effect.simulator, samples)
                    simulated[effect.simulator] = there
                name = f"{system.name}.{effect.name}"
                stores = {each: str(folder / "blobs") for each in STORES}
                known = {**simulated[effect.simulator], **stores}
                settings.setdefault(name, {}).update(
                    {each: known[each] for each in effect.settings if each in known}
                )
        putting = portal.start_task_soon(_keep_putting, samples, blobs)
        stack.callback(putting.cancel)
        yield settings


def _started(
    stack: ExitStack,
    portal: BlockingPortal,
    effect: Effect,
    simulator: Simulator,
    samples: BlobStore,
) -> dict[str, str]:
    """The settings that lead to it. One with a store is left once that is copied."""
    entered = portal.wrap_async_context_manager(simulator())
    if not set(STORES) & set(effect.settings):
        return dict(stack.enter_context(entered))
    with entered as there:
        store = open_blobs(there["blobs"])
        for digest in store.digests():
            _copy(store, digest, samples)
        return dict(there)


async def _keep_putting(samples: BlobStore, blobs: BlobStore) -> None:
    digests = await asyncio.to_thread(lambda: list(samples.digests()))
    while True:
        await asyncio.to_thread(_put_missing, samples, blobs, digests)
        await asyncio.sleep(PUT_EVERY_S)


def _put_missing(samples: BlobStore, blobs: BlobStore, digests: Sequence[str]) -> None:
    for digest in digests:
        if blobs.size(digest) is None:
            _copy(samples, digest, blobs)


def _copy(source: BlobStore, digest: str, target: BlobStore) -> None:
    with source.open(digest) as file:
        target.put(iter(lambda: file.read(1 << 20), b""))
