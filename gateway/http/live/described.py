"""The WebSocket in the OpenAPI document, which has no words for one: a tag that tells of it."""

from gateway.http.openapi import Document, Json

ABOUT = """\
`/api/live` is a WebSocket for commands and live queries: JSON in text frames.

`{"type":"subscribe","id":"book","system":"markets.exchange","query":"book_by_price",\
"arguments":{"instrument":"ACME"}}` is answered with a `snapshot` (`value`), and then a `delta` \
(`changes`, a JSON Patch, RFC 6902) whenever the answer of the query is another one. Both have a \
`number`, which grows by one, and `applied`, the next sequence of each partition: the value holds \
at least the events before it. `{"type":"unsubscribe","id":"book"}` ends it.

`{"type":"command","id":"c1","system":"markets.exchange","command":"place_order","body":{...},\
"idempotency_key":"..."}` is answered with an `answer`: the `status` and the `body` that the POST \
of the command would have.

What does not fit is answered with a `problem` (its `problem` is RFC 9457), and the connection \
goes on. It closes with 1012 where the server ends, with 1013 where a client takes nothing.\
"""
TAGS: list[Json] = [{"name": "live", "description": ABOUT}]


def paths(document: Document) -> Json:
    """None: OpenAPI describes requests and responses."""
    del document
    return {}
