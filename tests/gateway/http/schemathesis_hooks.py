"""What schemathesis does otherwise here than it would."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Whole numbers are written as such: to JSON Schema 10.0 is an integer, to the gateway not."""
    return _whole(body)


@schemathesis.serializer("application/offset+octet-stream")
def serialize_piece(context: Any, body: Any) -> Any:
    """A piece of an upload is bytes, as they are."""
    return body if isinstance(body, bytes) else str(body).encode()


def _whole(value: Any) -> Any:
    match value:
        case float() if value.is_integer():
            return int(value)
        case list():
            return [_whole(each) for each in value]
        case dict():
            return {name: _whole(each) for name, each in value.items()}
    return value
