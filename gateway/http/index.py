"""`GET /api`, what is served, with links; `/schema/openapi.json`, the same for programs; and
`/schema`, a reference page for people, which needs no network and no script.
"""

import asyncio
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Request, Response, get

from gateway.http.catalogue import Catalogue
from gateway.http.listing import SCHEMA_PATH, Index, listed
from gateway.http.openapi.reference import page_of
from gateway.http.openapi.whole import openapi_of
from gateway.http.service import Service, service_of


@get("/api")
async def index(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What is served."""
    told = Index([listed(each) for each in service_of(request).systems])
    return Response(msgspec.json.encode(told), media_type=MediaType.JSON)


@get(SCHEMA_PATH)
async def schema(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The OpenAPI document; with `?system=` of that system alone."""
    service = service_of(request)
    name = request.query_params.get("system", "")
    if name:
        service.catalogue.find(*name.partition(".")[::2])
    described = await service.part(Described).made(name)
    return Response(described.document, media_type="application/vnd.oai.openapi+json")


@get("/schema")
async def reference(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The reference page."""
    described = await service_of(request).part(Described).made()
    return Response(described.page, media_type=MediaType.HTML)


class Written(NamedTuple):
    document: bytes
    page: bytes


class Described:
    """The document and its page, of all systems or of one, made when they are first asked for:
    that takes a moment."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._making = asyncio.Lock()
        self._made: dict[str, Written] = {}

    async def made(self, name: str = "") -> Written:
        """Of a system that is served; of all without a name."""
        async with self._making:
            if name not in self._made:
                self._made[name] = await self._service.blocking(self._make, name)
        return self._made[name]

    def _make(self, name: str) -> Written:
        catalogue = self._service.catalogue
        if name:
            catalogue = Catalogue([catalogue.systems[name]])
        document = openapi_of(catalogue)
        page = b"" if name else page_of(document).encode()
        return Written(msgspec.json.encode(document), page)

    def close(self) -> None:
        """Nothing to give back."""
