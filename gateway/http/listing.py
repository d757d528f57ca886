"""What is served, as links: the answer of `GET /api`."""

import msgspec

from gateway.http.catalogue import Served

SCHEMA_PATH = "/schema/openapi.json"


class Link(msgspec.Struct, frozen=True):
    """A command or a query."""

    name: str
    href: str
    about: str


class ListedSystem(msgspec.Struct, frozen=True):
    """What can be asked of one system."""

    name: str
    commands: list[Link]
    queries: list[Link]
    events: list[str]
    """Streams, one a partition."""


class Index(msgspec.Struct, frozen=True):
    """What is served."""

    systems: list[ListedSystem]
    schema: str = SCHEMA_PATH
    reference: str = "/schema"


def listed(served: Served) -> ListedSystem:
    def first_line(text: str | None) -> str:
        return (text or "").strip().partition("\n")[0]

    return ListedSystem(
        served.system.name,
        [
            Link(each.name, f"{served.path}/commands/{each.name}", first_line(each.kind.__doc__))
            for each in served.accepts.values()
        ],
        [
            Link(each.name, f"{served.path}/queries/{each.name}", first_line(each.description))
            for each in served.models.queries.values()
        ],
        [f"{served.path}/partitions/{number}/events" for number in range(served.partitions)],
    )
