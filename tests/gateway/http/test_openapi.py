"""What is served is described: every command and query of every system, from the registry."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.http.answers import is_refusal
from gateway.http.catalogue import Catalogue, Served, body_of, name_of
from gateway.http.index import page_of
from gateway.http.openapi import Document
from log.backends.memory import MemoryLog
from log.codec import tag_of
from log.envelope import Command
from processors.core.registry import Registry
from projections.core.memory_store import MemoryStore
from projections.core.read_models import read_models
from projections.core.store import Catalog
from tests.gateway.http.conftest import Server

REGISTRY = list(Registry(["tests.samples.parking"]))

REFUSALS = {
    "booking.hotels": {"request_rejected.v1"},
    "booking.stays": {"request_rejected.v1"},
    "markets.clearing": {"request_rejected.v1", "replacement_refused.v1"},
    "markets.exchange": {"order_rejected.v1"},
    "media.photos": {"photo_rejected.v1"},
    "media.uploads": {"upload_rejected.v1"},
    "media.video": {"video_rejected.v1"},
    "social.feed": {
        "rejected.v1",
        "reference_refused.v1",
        "follow_refused.v1",
        "block_refused.v1",
    },
    "samples.parking": {"car_refused.v1"},
}


@pytest.fixture(scope="module")
def catalogue() -> Iterator[Catalogue]:
    with MemoryLog() as log:
        systems = []
        for registered in REGISTRY:
            models = read_models(registered)
            catalog = Catalog(registered.system, tuple(models.projections.values()))
            systems.append(Served(registered, log, models, MemoryStore(catalog)))
        yield Catalogue(systems)


@pytest.fixture(scope="module")
def document(catalogue: Catalogue) -> Any:
    return msgspec.json.decode(msgspec.json.encode(Document(catalogue).make()))


@pytest.mark.parametrize("registered", REGISTRY, ids=lambda each: str(each.system.name))
def test_refusals_are_told_by_their_names(registered: Any) -> None:
    """The rule holds for all systems: whatever has a code, a field and a reason is one as well."""
    system = registered.system
    refusals = {tag_of(kind) for kind in system.events if is_refusal(kind)}
    assert refusals == REFUSALS[system.name]
    for kind in system.events:
        if {"code", "field", "reason"} <= {*kind.__struct_fields__}:
            assert tag_of(kind) in refusals


def test_every_command_and_query_has_its_place(catalogue: Catalogue, document: Any) -> None:
    paths = document["paths"]
    assert document["openapi"] == "3.1.0"
    for served in catalogue.systems.values():
        base = f"/api/{served.system.name.replace('.', '/')}"
        for kind in served.system.commands:
            command = paths[f"{base}/commands/{name_of(kind)}"]["post"]
            assert command["requestBody"]["content"]["application/json"]["schema"]
        for query in served.models.queries.values():
            told = paths[f"{base}/queries/{query.name}"]["get"]
            names = [each["name"] for each in told["parameters"]]
            assert names[: len(query.arguments)] == [each.name for each in query.arguments]
            assert told["description"]
    identifiers = [each["operationId"] for path in paths.values() for each in path.values()]
    assert len({*identifiers}) == len(identifiers)


def test_every_reference_leads_somewhere(document: Any) -> None:
    schemas = document["components"]["schemas"]

    def references(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            for each in node.values():
                yield from references(each)
        elif isinstance(node, list):
            for each in node:
                yield from references(each)

    found = {*references(document)}
    assert len(found) > 100
    assert {each.removeprefix("#/components/schemas/") for each in found} <= {*schemas}


def test_a_body_is_the_fields_alone(document: Any) -> None:
    for registered in REGISTRY:
        for kind in registered.system.commands:
            own = [name for name in kind.__struct_fields__ if name not in ENVELOPE]
            assert list(body_of(kind).__struct_fields__) == own


ENVELOPE = Command.__struct_fields__


def test_what_a_body_takes_a_flow_could_have_sent(catalogue: Catalogue) -> None:
    """Commands of every system's own flow, as bodies, become the same commands again."""
    for served in catalogue.systems.values():
        by_kind = {each.kind: each for each in served.accepts.values()}
        flow = served.system.flow(1)
        for _, command in (next(flow) for _ in range(300)):
            command = msgspec.structs.replace(
                command, **{name: getattr(PLAIN, name) for name in ENVELOPE}
            )
            body = msgspec.to_builtins(command)
            del body["type"]
            again = by_kind[type(command)].command(msgspec.json.encode(body), "")
            assert again == command


PLAIN = Command()


def test_the_page_names_every_operation(document: Any) -> None:
    page = page_of(document)
    assert "<script" not in page
    assert "http://" not in page
    assert "https://" not in page
    for path in document["paths"]:
        assert path in page


def test_it_is_served(shared: Server) -> None:
    index = shared.client.get("/api").json()
    names = [each["name"] for each in index["systems"]]
    assert names == ["samples.parking", "markets.exchange", "booking.stays"]
    for system in index["systems"]:
        for link in system["queries"]:
            assert shared.client.get(link["href"]).status_code in (200, 400)
    document = shared.client.get(index["schema"])
    assert document.json()["openapi"] == "3.1.0"
    assert [each["name"] for each in document.json()["tags"]] == names
    page = shared.client.get(index["reference"])
    assert page.headers["content-type"].startswith("text/html")
