"""Values on the log: msgspec structs with explicit versioned tags, as JSON or msgpack.

A `Codec` belongs to one topic: it knows the types that may stand there. Old versions of a type are
kept as structs of their own, and an upcaster turns each into the next version, so that history
written by older code reads as if it were written today.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar, Union

import msgspec

from log.envelope import Command, Event
from log.topic import ValueFormat

Message = TypeVar("Message", Command, Event)
Upcasters = Mapping[type[Any], Callable[[Any], Any]]
"""From an old version's struct to a function that makes the next version of it. The envelope is
carried over by the codec."""

DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What `Codec.decode` raises for bytes that are none of its types (ValidationError included)."""


class Codec(Generic[Message]):
    """Encode and decode the values of one topic.

    `encode(message) -> bytes`; `decode(bytes) -> message` raises one of DECODE_ERRORS, whose text
    names the field. Both are msgspec's own C functions where there is nothing to upcast.
    """

    encode: Callable[[Message], bytes]
    decode: Callable[[bytes], Message]

    def __init__(
        self,
        types: Iterable[type[Any]],
        value_format: ValueFormat = "json",
        upcasters: Upcasters | None = None,
    ) -> None:
        self.upcasters = dict(upcasters or {})
        known = (*types, *self.upcasters)
        self.tags = {tag_of(kind): kind for kind in known}
        if len(self.tags) != len(known):
            raise TypeError(f"two of {[kind.__name__ for kind in known]} share a tag")
        library = msgspec.json if value_format == "json" else msgspec.msgpack
        self.encode = library.Encoder().encode
        decoder = library.Decoder(Union[known])  # noqa: UP007 (a union of a tuple)
        self._decode_as_written = decoder.decode
        self.decode = self._decode_and_upcast if self.upcasters else decoder.decode

    def _decode_and_upcast(self, value: bytes) -> Message:
        message = self._decode_as_written(value)
        upcasters = self.upcasters
        while (upcaster := upcasters.get(type(message))) is not None:
            upcast = upcaster(message)
            _carry_envelope(message, upcast)
            message = upcast
        return message  # type: ignore[no-any-return]


def tag_of(kind: type[Any]) -> str:
    """The tag that stands in the value's `type` field; TypeError where it has none."""
    tag = getattr(getattr(kind, "__struct_config__", None), "tag", None)
    if not isinstance(tag, str):
        raise TypeError(f'{kind.__name__} needs an explicit tag, such as tag="order_placed.v1"')
    return tag


def _carry_envelope(old: Command | Event, new: Command | Event) -> None:
    base = Event if isinstance(old, Event) else Command
    for field in base.__struct_fields__:
        setattr(new, field, getattr(old, field))
