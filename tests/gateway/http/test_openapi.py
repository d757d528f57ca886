"""What is served is described: every command and query of every system, from the registry."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import html5lib
import msgspec
import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from referencing import Registry as References
from referencing.jsonschema import DRAFT202012

from gateway.http.answers import is_refusal
from gateway.http.catalogue import Catalogue, Served, body_of, name_of
from gateway.http.openapi.reference import page_of
from gateway.http.openapi.schemas import Schemas, references
from gateway.http.openapi.whole import openapi_of
from log.backends.memory import MemoryLog
from log.codec import tag_of
from log.envelope import Command
from processors.core.registry import Registry
from projections.core.memory_store import MemoryStore
from projections.core.read_models import read_models
from projections.core.store import Catalog
from tests.gateway.http.conftest import ROOT, Server, until

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


def as_sent(document: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document))


@pytest.fixture(scope="module")
def document(catalogue: Catalogue) -> Any:
    return as_sent(openapi_of(catalogue))


def operations(document: Any) -> Iterator[tuple[str, Any]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


@pytest.mark.parametrize("registered", REGISTRY, ids=lambda each: str(each.system.name))
def test_refusals_are_told_by_their_names(registered: Any) -> None:
    """The rule holds for all systems: whatever has a code, a field and a reason is one as well."""
    system = registered.system
    refusals = {tag_of(kind) for kind in system.events if is_refusal(kind)}
    assert refusals == REFUSALS[system.name]
    for kind in system.events:
        if {"code", "field", "reason"} <= {*kind.__struct_fields__}:
            assert tag_of(kind) in refusals


def test_it_is_valid(document: Any) -> None:
    assert document["openapi"] == "3.1.0"
    validate(document)


def test_every_command_and_query_has_its_place(catalogue: Catalogue, document: Any) -> None:
    paths = document["paths"]
    for served in catalogue.systems.values():
        base = f"/api/{served.system.name.replace('.', '/')}"
        for kind in served.system.commands:
            command = paths[f"{base}/commands/{name_of(kind)}"]["post"]
            assert command["requestBody"]["content"]["application/json"]["schema"]
        for query in served.models.queries.values():
            told = paths[f"{base}/queries/{query.name}"]["get"]
            names = [each["name"] for each in told["parameters"]]
            assert names[: len(query.arguments)] == [each.name for each in query.arguments]
            assert told["summary"]
    identifiers = [operation["operationId"] for _, operation in operations(document)]
    assert len({*identifiers}) == len(identifiers)


def test_what_is_said_in_the_source_is_said_here(document: Any) -> None:
    schema = document["components"]["schemas"]["MarketsExchangePlaceOrder"]
    assert schema["description"].startswith("A new order.\n\nA limit order trades at its price")
    assert schema["properties"]["session_id"]["description"].startswith("The session that sent it")
    summary = document["paths"]["/api/samples/parking/queries/taken"]["get"]["summary"]
    assert summary == "The spots that are taken now."


def test_every_example_fits_its_schema(document: Any) -> None:
    """Bodies, arguments and answers: of all systems, about a thousand."""
    resource = DRAFT202012.create_resource(document)
    registry: Any = References().with_resource("urn:refold", resource)
    count = 0

    def examples(node: Any) -> Iterator[tuple[Any, Any]]:
        if isinstance(node, dict):
            if "example" in node and "schema" in node:
                yield node["schema"], node["example"]
            for each in node.values():
                yield from examples(each)
        elif isinstance(node, list):
            for each in node:
                yield from examples(each)

    def absolute(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                name: f"urn:refold{each}" if name == "$ref" else absolute(each)
                for name, each in node.items()
            }
        return [absolute(each) for each in node] if isinstance(node, list) else node

    for schema, example in examples([document["paths"], document["components"]["responses"]]):
        validator = OAS31Validator(absolute(schema), registry=registry)
        assert list(validator.iter_errors(example)) == [], (schema, example)
        count += 1
    assert count > 700


def test_every_operation_has_examples(catalogue: Catalogue, document: Any) -> None:
    """Of each command what was sent and its answer, or its rejection; of each query its arguments
    and, but for one that wants a day nobody could guess, its answer."""
    unanswered = set()
    for served in catalogue.systems.values():
        for accepts in served.accepts.values():
            command = document["paths"][f"{served.path}/commands/{accepts.name}"]["post"]
            body = command["requestBody"]["content"]["application/json"]["example"]
            accepts.command(msgspec.json.encode(body), "")
            told = [
                content["example"]
                for status in ("200", "409")
                for content in command["responses"][status]["content"].values()
                if "example" in content
            ]
            assert told, accepts.name
        for query in served.models.queries.values():
            asked = document["paths"][f"{served.path}/queries/{query.name}"]["get"]
            required = [each for each in asked["parameters"] if each.get("required")]
            assert all("example" in each for each in required), query.name
            if "example" not in asked["responses"]["200"]["content"]["application/json"]:
                unanswered.add((served.system.name, query.name))
    assert unanswered == {("booking.stays", "offer")}


def test_it_is_the_same_each_time(catalogue: Catalogue, document: Any) -> None:
    assert as_sent(openapi_of(catalogue)) == document


def test_names_do_not_depend_on_what_else_is_served(catalogue: Catalogue, document: Any) -> None:
    """So that a client goes on working when a system is added."""
    for served in catalogue.systems.values():
        alone = as_sent(openapi_of(Catalogue([served])))
        own = {path: item for path, item in alone["paths"].items() if served.path in path}
        assert own.items() <= document["paths"].items()
        schemas = document["components"]["schemas"]
        for name, schema in alone["components"]["schemas"].items():
            assert schemas[name] == schema


def test_two_structs_of_one_name_in_a_system_have_names_of_their_own() -> None:
    one = msgspec.defstruct("Same", [("a", int)], module="shop.orders.commands")
    other = msgspec.defstruct("Same", [("b", int)], module="shop.orders.events")
    schemas = Schemas({"shop.orders": "ShopOrders"})
    assert schemas.of(one) == {"$ref": "#/components/schemas/ShopOrdersSame"}
    assert schemas.of(other) == {"$ref": "#/components/schemas/ShopOrdersEventsSame"}
    assert {*schemas.components} == {"ShopOrdersSame", "ShopOrdersEventsSame"}
    answer = msgspec.defstruct("Answer", [("c", int)], module="shop.orders.commands")
    assert schemas.of(answer) == {"$ref": "#/components/schemas/ShopOrdersCommandsAnswer"}


def test_every_reference_leads_somewhere(document: Any) -> None:
    found = {*references(document)}
    assert len(found) > 100
    assert found <= {*document["components"]["schemas"]}


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


def test_the_page_is_good_html_and_names_every_operation(document: Any) -> None:
    page = page_of(document)
    parser = html5lib.HTMLParser(strict=False, namespaceHTMLElements=False)
    tree = parser.parse(page)
    assert [error for _, error, _ in parser.errors] == []
    assert not list(tree.iter("script")) and not list(tree.iter("link"))
    targets = {each.get("id") for each in tree.iter() if each.get("id")}
    links = {each.get("href") for each in tree.iter("a")}
    assert links - {"/schema/openapi.json"} <= {f"#{each}" for each in targets}
    for path, operation in operations(document):
        assert path in page
        assert operation["operationId"] in targets


def test_it_is_served(shared: Server) -> None:
    index = shared.client.get("/api").json()
    names = [each["name"] for each in index["systems"]]
    assert names == ["samples.parking", "markets.exchange", "booking.stays"]
    for system in index["systems"]:
        for link in system["queries"]:
            until(lambda: shared.client.get(link["href"]).status_code in (200, 400))  # noqa: B023
    document = shared.client.get(index["schema"])
    assert document.json()["openapi"] == "3.1.0"
    assert [each["name"] for each in document.json()["tags"]][:3] == names
    page = shared.client.get(index["reference"])
    assert page.headers["content-type"].startswith("text/html")


def test_integers_are_of_64_bits_as_is_said(shared: Server) -> None:
    path = "/api/samples/parking/queries/stays"
    for limit, status in ((2**63 - 1, 200), (2**63, 400)):
        answer = shared.client.get(path, params={"spot": "a", "limit": limit})
        assert answer.status_code == status, answer.text
    ignored = {"listing": "a", "title": "b", "unknown": 2**70}
    answer = shared.client.post("/api/booking/stays/commands/create_listing", json=ignored)
    assert answer.json()["path"] == "$.unknown"


def test_it_is_served_by_system(shared: Server, document: Any) -> None:
    path = "/schema/openapi.json"
    alone = shared.client.get(path, params={"system": "samples.parking"}).json()
    systems = {each.split("/")[3] for each in alone["paths"] if "/commands/" in each}
    assert systems == {"parking"}
    schema = alone["components"]["schemas"]["SamplesParkingParkCar"]
    assert schema == document["components"]["schemas"]["SamplesParkingParkCar"]
    assert shared.client.get(path, params={"system": "samples.parkin"}).status_code == 404


def test_it_is_printed_without_a_server_or_a_log(shared: Server, tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text('systems = ["tests.samples.parking"]\n')
    printed = subprocess.run(
        [sys.executable, "-m", "gateway.cli.main", "openapi", "parking", "exchange", "stays"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert msgspec.json.decode(printed.stdout) == shared.client.get("/schema/openapi.json").json()
    assert [each.name for each in tmp_path.iterdir()] == ["refold.toml"]
