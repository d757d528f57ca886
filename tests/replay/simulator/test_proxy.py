"""The proxy between clients and a broker: what passes, what is held up, and for whom."""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress

import pytest

from log.errors import InvalidConfig
from replay.simulator.proxy import Address, Proxy, parse_address

HELD_S = 0.15
SOON_S = 5.0


def request_of(client: str) -> bytes:
    """The beginning of a Kafka request."""
    body = struct.pack(">hhih", 18, 3, 1, len(client)) + client.encode() + b"the rest"
    return struct.pack(">i", len(body)) + body


@pytest.fixture
def echo() -> Iterator[Address]:
    """A server that says what it hears."""

    def answer(connection: socket.socket) -> None:
        with closing(connection), suppress(OSError):
            while data := connection.recv(1000):
                connection.sendall(data)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept)
        thread.start()
        yield listening.getsockname()
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture
def proxy(echo: Address) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with Proxy(address, echo) as proxy:
        yield proxy


class Client:
    """A connection of a client, whose first request has passed."""

    def __init__(self, proxy: Proxy, name: str) -> None:
        self._socket = socket.create_connection(proxy.listen)
        self._socket.settimeout(SOON_S)
        self._begun = request_of(name)

    def begin(self) -> None:
        self.say(self._begun)
        assert self.hear(len(self._begun)) == self._begun

    def say(self, data: bytes) -> None:
        self._socket.sendall(data)

    def hear(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._socket.recv(size - len(data))):
            data += more
        return data

    def hears_nothing(self) -> bool:
        self._socket.settimeout(HELD_S)
        try:
            return not self._socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(SOON_S)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def clients(proxy: Proxy) -> Iterator[dict[str, Client]]:
    found = {name: Client(proxy, name) for name in ("worker-1", "worker-2")}
    for client in found.values():
        client.begin()
    yield found
    for client in found.values():
        client.close()


def test_everything_passes_both_ways(clients: dict[str, Client], proxy: Proxy) -> None:
    large = bytes(range(256)) * 2000
    sending = threading.Thread(target=clients["worker-1"].say, args=(large,))
    sending.start()
    assert clients["worker-1"].hear(len(large)) == large
    sending.join()
    assert proxy.clients == {"worker-1", "worker-2"}


def test_a_cut_holds_up_one_client_until_it_is_mended(
    clients: dict[str, Client], proxy: Proxy
) -> None:
    proxy.cut("worker-1")
    clients["worker-1"].say(b"late")
    clients["worker-2"].say(b"in time")
    assert clients["worker-2"].hear(7) == b"in time"
    assert clients["worker-1"].hears_nothing()
    proxy.mend("worker-1")
    assert clients["worker-1"].hear(4) == b"late"


def test_a_new_connection_of_a_cut_client_gets_nowhere_either(proxy: Proxy) -> None:
    proxy.cut("worker-3")
    with closing(Client(proxy, "worker-3")) as client:
        client.say(request_of("worker-3"))
        assert client.hears_nothing()
        proxy.mend("worker-3")
        assert client.hear(4) == request_of("worker-3")[:4]


def test_a_delay_is_of_one_client_and_ends(clients: dict[str, Client], proxy: Proxy) -> None:
    def takes_s(name: str) -> float:
        began_s = time.monotonic()
        clients[name].say(b"x")
        assert clients[name].hear(1) == b"x"
        return time.monotonic() - began_s

    proxy.delay("worker-1", 100)
    assert takes_s("worker-1") >= 0.2, "there and back"
    assert takes_s("worker-2") < 0.2
    proxy.delay("worker-1", 0)
    assert takes_s("worker-1") < 0.1


def test_it_ends_with_connections_open(echo: Address) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = free.getsockname()
    with Proxy(address, echo) as proxy:
        client = Client(proxy, "worker-1")
        client.begin()
        proxy.cut("worker-1")
        client.say(b"x")
    assert client.hear(1) == b""
    client.close()


def test_an_address_that_is_taken_is_an_error(echo: Address) -> None:
    with pytest.raises(OSError, match="in use"):
        Proxy(echo, echo).__enter__()


@pytest.mark.parametrize("text", ["", "host", ":1", "host:", "host:x", "host:0", "host:65536"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(InvalidConfig, match="host:port"):
        parse_address(text)
    assert parse_address("127.0.0.1:9092") == ("127.0.0.1", 9092)
