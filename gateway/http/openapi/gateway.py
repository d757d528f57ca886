"""What `index.py` and `health.py` serve, described: links, this document, and whether it runs."""

from gateway.http.health import Live, Ready
from gateway.http.listing import SCHEMA_PATH, Index
from gateway.http.openapi.document import Document
from gateway.http.openapi.parts import in_content, in_json
from gateway.http.openapi.schemas import Json

TAGS = [{"name": "gateway", "description": "What is served, and how it is described."}]


def paths(document: Document) -> Json:
    def told(identifier: str, summary: str, answer: Json) -> Json:
        return {
            "get": {
                "operationId": f"gateway_{identifier}",
                "tags": ["gateway"],
                "summary": summary,
                "responses": {"200": answer},
            }
        }

    return {
        "/api": told(
            "index", "What is served, with links.", in_json("Links", document.schema(Index))
        ),
        SCHEMA_PATH: _with_system(
            document,
            told(
                "openapi",
                "This document.",
                in_content("OpenAPI 3.1", "application/vnd.oai.openapi+json", {"type": "object"}),
            ),
        ),
        "/health/live": told(
            "live", "Whether the process answers.", in_json("It does", document.schema(Live))
        ),
        "/health/ready": told(
            "ready",
            "Whether to send it requests: it takes them, and reaches the log.",
            in_json("It does", document.schema(Ready)),
        ),
        "/schema": told(
            "reference",
            "This document as a page for people.",
            in_content("A page that needs no network", "text/html", {"type": "string"}),
        ),
    }


def _with_system(document: Document, item: Json) -> Json:
    item["get"]["parameters"] = [
        {
            "name": "system",
            "in": "query",
            "description": "Of one system alone, by its full name.",
            "schema": {"type": "string"},
        }
    ]
    item["get"]["responses"] |= document.problems(404)
    return item
