"""The blob stores that the media systems keep their files in: where their effects put them, by the
effects' own settings, there the server reads them.
"""

import asyncio
from collections.abc import Mapping

from gateway.http.catalogue import Served
from gateway.http.service import Service
from processors.core.effect import Effect
from processors.media.blobs import BlobStore, open_blobs

KEEPERS: Mapping[str, str] = {
    "media.uploads": "store",
    "media.video": "package",
    "media.photos": "render",
}
"""By system, the effect whose setting `blobs` says where its files lie."""


class Stores:
    """Opens each store once, when it is first asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._opened: dict[str, asyncio.Task[BlobStore]] = {}
        self._simulators: list[asyncio.Task[None]] = []

    async def of(self, served: Served) -> BlobStore:
        """Errors: ValueError where the setting is no place, and those of the medium."""
        name = served.system.name
        if name not in self._opened:
            self._opened[name] = asyncio.create_task(self._open(served))
        opened = self._opened[name]
        try:
            return await asyncio.shield(opened)
        except Exception:
            if self._opened.get(name) is opened:
                del self._opened[name]  # the next who asks tries again
            raise

    async def _open(self, served: Served) -> BlobStore:
        keeper = KEEPERS[served.system.name]
        effect = next(each for each in served.system.effects if each.name == keeper)
        given = self._service.effects.get(f"{served.system.name}.{keeper}", {})
        settings = {**effect.settings, **given}
        if self._service.simulated and effect.simulator is not None:
            settings |= await self._simulated(effect)
        return await self._service.blocking(open_blobs, settings["blobs"])

    async def _simulated(self, effect: Effect) -> Mapping[str, str]:
        """Where the effect's outside of its own keeps files; it stays until the server ends."""
        there: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()

        async def hold() -> None:
            assert effect.simulator is not None
            async with effect.simulator() as settings:
                there.set_result(settings)
                await asyncio.Event().wait()

        self._simulators.append(asyncio.create_task(hold()))
        return await there

    def close(self) -> None:
        for task in (*self._opened.values(), *self._simulators):
            task.cancel()
