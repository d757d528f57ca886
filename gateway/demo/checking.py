"""The tour of a demo, and (`--headless`) whether what it shows is there: each page of the web
application, each system's API, a live stream, an upload that becomes a file.
"""

import base64
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import httpx
import msgspec

from gateway.http.catalogue import Served

WITHIN_S = 60.0
LOOK_EVERY_S = 0.1
UPLOAD_BYTES = 200_000
UPLOADS = "media.uploads"
VISITOR = "visitor"
LAG_MAX = 200
"""Events that a read model may be behind, while more come."""


class Step(NamedTuple):
    """Of the tour."""

    path: str
    about: str


TOUR = (
    Step("/", "overview: systems, rates, lag, dead letters, the flow between systems"),
    Step("/exchange", "an exchange: the book, an auction as it builds up, orders of your own"),
    Step("/time/markets/exchange", "its time machine: any moment again, causes, what if"),
    Step("/stays", "book a stay while it is held; and /feed to post, /video to upload and play"),
    Step("/schema", "the API: every command and query of every system"),
)


class Failed(Exception):
    """What was to be seen is not there."""


PAGES = {
    "/": "overview",
    "/exchange": "exchange",
    "/feed": "feed",
    "/stays": "stays",
    "/video": "video",
    "/time/{system}": "time_machine",
    "/systems/{system}": "system",
}
"""By path, the script that is this page's own."""


class Checks:
    """Of a server at `url`. `values` are what the fields of its traffic hold, for the arguments of
    queries. `run` gives what failed, a line each."""

    def __init__(self, url: str, systems: Sequence[Served], values: Mapping[str, Any]) -> None:
        self._systems = systems
        self._values = values
        self._client = httpx.Client(base_url=url, timeout=WITHIN_S)
        self._deadline_s = 0.0

    def run(self, told: Callable[[str], None]) -> list[str]:
        """`told` is called with each thing that holds."""
        failed = []
        with self._client:
            for name, check in self._all():
                self._deadline_s = time.monotonic() + WITHIN_S
                try:
                    check()
                    told(name)
                except (Failed, httpx.HTTPError, OSError) as error:
                    failed.append(f"{name}: {str(error) or type(error).__name__}")
        return failed

    def _all(self) -> Iterator[tuple[str, Callable[[], None]]]:
        for path, script in PAGES.items():
            yield f"page {path}", partial(self._page, path, script)
        yield "the reference", self._reference
        yield "the flow between systems", self._flow
        for served in self._systems:
            name = served.system.name
            yield f"{name}: commands come, and read models follow", partial(self._traffic, served)
            if served.models.queries:
                yield f"{name}: a query has rows", partial(self._query, served)
            yield f"{name}: a stream delivers", partial(self._stream, served)
            if name == UPLOADS:
                yield f"{name}: an upload becomes a file", partial(self._upload, served)

    def _get(self, path: str, **parameters: Any) -> httpx.Response:
        answer = self._client.get(path, params=parameters)
        if not answer.is_success:
            raise Failed(f"GET {path} answers {answer.status_code}: {answer.text[:200]}")
        return answer

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        while not holds():
            if time.monotonic() > self._deadline_s:
                raise Failed(f"not within {WITHIN_S:g} s: {what}")
            time.sleep(LOOK_EVERY_S)

    def _page(self, path: str, script: str) -> None:
        """The path gives the application, which leads to the page's own script."""
        first = self._systems[0].system.name.replace(".", "/")
        html = self._get(path.format(system=first)).text
        begins = re.findall(r'<script[^>]* src="(/assets/[^"]+)"', html)
        if not begins:
            raise Failed("there is no script of the application on it")
        own = f"{script}.js"
        if not any(own in self._get(each).text for each in begins):
            raise Failed(f"the application does not lead to {own}")
        if "export" not in self._get(f"/assets/{own}").text:
            raise Failed(f"{own} is no module")

    def _reference(self) -> None:
        told = self._get("/schema/openapi.json").json()["paths"]
        missing = [
            each.path
            for each in self._systems
            if not any(path.startswith(f"{each.path}/") for path in told)
        ]
        self._get("/schema")
        if missing:
            raise Failed(f"it lacks {', '.join(missing)}")

    def _flow(self) -> None:
        nodes = {each["id"] for each in self._get("/api/house/flow").json()["nodes"]}
        names = [each.system.name for each in self._systems]
        missing = [each for each in names if f"{each}.processor" not in nodes]
        if missing:
            raise Failed(f"it lacks {', '.join(missing)}")

    def _told(self, served: Served) -> dict[str, Any]:
        systems = self._get("/api/house").json()["systems"]
        found: dict[str, Any] = next(
            each for each in systems if each["name"] == served.system.name
        )
        return found

    def _traffic(self, served: Served) -> None:
        before = self._told(served)["commands"]
        self._until("a command", lambda: self._told(served)["commands"] > before)
        self._until("read models", lambda: self._told(served)["read_model_lag"] < LAG_MAX)

    def _query(self, served: Served) -> None:
        """Some query, with arguments from the traffic, has an answer that is not empty."""
        asked = []
        for query in (*served.models.demo_queries, *served.models.queries.values()):
            given = {
                each.name: self._values[each.name]
                for each in query.arguments
                if each.is_required and each.name in self._values
            }
            if len(given) == sum(each.is_required for each in query.arguments):
                asked.append(query.name)
                answer = self._client.get(f"{served.path}/queries/{query.name}", params=given)
                if answer.status_code >= 500:
                    raise Failed(f"{query.name} answers {answer.status_code}: {answer.text[:200]}")
                if answer.is_success and answer.json():  # traffic names what is not there, too
                    return
        raise Failed(f"nothing is in {', '.join(asked) or 'any query: none could be asked'}")

    def _stream(self, served: Served) -> None:
        """From the last event on."""
        told = self._told(served)["partitions"]
        fullest = max(told, key=lambda each: int(each["events"]["end"]))
        path = f"{served.path}/partitions/{fullest['number']}/events"
        begin = {"from": max(fullest["events"]["end"] - 1, 0)}
        with self._client.stream("GET", path, params=begin) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    msgspec.json.decode(line.removeprefix("data: "))
                    return
        raise Failed("it ended before it delivered anything")

    def _upload(self, served: Served) -> None:
        """By tus, in two pieces; then there is a file of that name."""
        name = f"tour-{os.urandom(4).hex()}.bin"
        content = os.urandom(UPLOAD_BYTES)
        tus = {"Tus-Resumable": "1.0.0"}
        created = self._client.post(
            f"{served.path}/files/{VISITOR}",
            headers={
                **tus,
                "Upload-Length": str(UPLOAD_BYTES),
                "Upload-Metadata": f"filename {base64.b64encode(name.encode()).decode()}",
            },
        )
        if created.status_code != 201:
            raise Failed(f"creating it answers {created.status_code}: {created.text[:200]}")
        half = UPLOAD_BYTES // 2
        for offset in (0, half):
            sent = self._client.patch(
                created.headers["location"],
                content=content[offset : offset + half],
                headers={
                    **tus,
                    "Upload-Offset": str(offset),
                    "Content-Type": "application/offset+octet-stream",
                },
            )
            if sent.status_code != 204:
                raise Failed(f"sending it answers {sent.status_code}: {sent.text[:200]}")

        def is_stored() -> bool:
            files = self._get(f"{served.path}/queries/files", owner=VISITOR).json()
            return any(
                (each["filename"], each["size"]) == (name, UPLOAD_BYTES)
                for each in _rows_of(files)
            )

        self._until("a file of that name and size", is_stored)


def _rows_of(answer: Any) -> list[Any]:
    """Of a query: alone, or within a page."""
    rows: list[Any] = answer["rows"] if isinstance(answer, dict) else answer
    return rows
