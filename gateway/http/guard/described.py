"""This room's routes as OpenAPI path items, and the ways to say who calls."""

from gateway.http.guard.routes import PATH, Ticket
from gateway.http.openapi.document import Document
from gateway.http.openapi.parts import ANY_REQUEST, in_json
from gateway.http.openapi.schemas import Json

TAGS = [{"name": "guard", "description": "Who calls, where keys or tokens are asked for."}]
SECURITY = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key, or a JSON Web Token of the issuer that the server is set up for.",
    },
    "key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key, where a proxy takes `Authorization` for itself.",
    },
    "ticket": {
        "type": "apiKey",
        "in": "query",
        "name": "ticket",
        "description": "From `POST /api/tickets`: for one stream of events or one WebSocket.",
    },
}


def paths(document: Document) -> Json:
    return {
        PATH: {
            "post": {
                "operationId": "guard_ticket",
                "tags": ["guard"],
                "summary": "A ticket for one stream of events or one WebSocket.",
                "description": "Browsers cannot send a key with those: they send `?ticket=`. "
                "It is good once, for a short time, with the scopes of whoever asked for it.",
                "responses": {
                    "200": in_json("It, and for how long it is good", document.schema(Ticket)),
                    **document.problems(*{*ANY_REQUEST, 401, 429}),
                },
            }
        }
    }
