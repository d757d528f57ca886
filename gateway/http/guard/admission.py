"""How much is under way, in all and for each client: more is sent away before it takes memory.

A client is an actor, or else an address. The table of clients is bounded: who has nothing under
way and has rested is forgotten, which changes nothing.
"""

import ipaddress
import math
import time

from gateway.http.problems import ProblemFound, problem
from gateway.http_settings import Limits

SWEEP_NS = 10**9
"""The table is looked through at most so often."""
UNKNOWN = "unknown"
"""A peer without an address: a Unix socket."""


class Client:
    """What one client has under way, and when it has rested."""

    __slots__ = ("name", "requests", "rested_ns", "streams")

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests = 0
        self.streams = 0
        self.rested_ns = 0
        """When all its requests so far would have come, at exactly its rate."""


def client_name(host: str) -> str:
    """An address; of IPv6 the network, since one client has all addresses in it."""
    if ":" not in host:
        return host or UNKNOWN
    try:
        address = ipaddress.IPv6Address(host.partition("%")[0])
    except ValueError:
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else str(ipaddress.IPv6Network((address, 64), strict=False))


class Admission:
    """Counts requests and streams. Each `enter` has one `leave`."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        rate = limits.client_requests_per_s
        self._interval_ns = round(1e9 / rate) if rate else 0
        self._slack_ns = self._interval_ns * (limits.client_burst - 1)
        self._clients: dict[str, Client] = {}
        self._swept_ns = 0
        self._requests = 0
        self._streams = 0
        self._bodies_bytes = 0

    def check_room(self, stream: bool) -> None:
        """Errors: ProblemFound (503), where the server as a whole is full."""
        if stream:
            if self._streams >= self._limits.streams_max:
                raise problem(503, f"{self._streams} streams are open: come back later")
        elif self._requests >= self._limits.waiting_max:
            raise problem(503, f"{self._requests} requests are under way: come back later")

    def enter(self, name: str, stream: bool = False) -> Client:
        """One more request or stream of a client. Errors: ProblemFound (429, 503)."""
        self.check_room(stream)
        client = self._clients.get(name) or self._new(name)
        limits = self._limits
        if stream:
            if client.streams >= limits.client_streams_max:
                raise too_many(f"{client.streams} streams of yours are open: close one")
        elif client.requests >= limits.client_requests_max:
            raise too_many(f"{client.requests} requests of yours are under way: wait for one")
        if self._interval_ns:
            self._spend(client)
        if stream:
            client.streams += 1
            self._streams += 1
        else:
            client.requests += 1
            self._requests += 1
        return client

    def leave(self, client: Client, stream: bool = False) -> None:
        if stream:
            client.streams -= 1
            self._streams -= 1
        else:
            client.requests -= 1
            self._requests -= 1
        if not (self._interval_ns or client.requests or client.streams):
            del self._clients[client.name]

    def hold_body(self, size: int) -> None:
        """A body is to come; `drop_body` when its request is done. Errors: ProblemFound (503)."""
        if self._bodies_bytes + size > max(self._limits.bodies_bytes, size):
            raise problem(503, "too many large bodies are under way: come back later")
        self._bodies_bytes += size

    def drop_body(self, size: int) -> None:
        self._bodies_bytes -= size

    def _spend(self, client: Client) -> None:
        """The generic cell rate algorithm: a token bucket that is one number."""
        now_ns = time.monotonic_ns()
        rested_ns = max(client.rested_ns, now_ns)
        early_ns = rested_ns - now_ns - self._slack_ns
        if early_ns > 0:
            rate = self._limits.client_requests_per_s
            raise too_many(f"{rate:g} requests a second are allowed to a client", early_ns / 1e9)
        client.rested_ns = rested_ns + self._interval_ns

    def _new(self, name: str) -> Client:
        if len(self._clients) >= self._limits.clients_max:
            self._sweep()
            if len(self._clients) >= self._limits.clients_max:
                raise problem(503, "too many clients call at once: come back later")
        client = self._clients[name] = Client(name)
        return client

    def _sweep(self) -> None:
        now_ns = time.monotonic_ns()
        if now_ns - self._swept_ns < SWEEP_NS:
            return
        self._swept_ns = now_ns
        self._clients = {
            name: client
            for name, client in self._clients.items()
            if client.requests or client.streams or client.rested_ns > now_ns
        }


def too_many(detail: str, wait_s: float = 1.0) -> ProblemFound:
    """429, and when to come back."""
    found = problem(429, detail)
    found.headers["Retry-After"] = str(max(math.ceil(wait_s), 1))
    return found
