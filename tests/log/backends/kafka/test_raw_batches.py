"""Which settings aiokafka's client takes, and what readers of committed records see of batches."""

from typing import Any

import pytest

from log.backends.kafka.raw_batches import _Aborted, _batches, client_options
from log.record import CONTROL_BIT, HEADER, HEADER_SIZE, TRANSACTIONAL_BIT, Batch, new_batch

T, C = TRANSACTIONAL_BIT, TRANSACTIONAL_BIT | CONTROL_BIT


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        ({}, {"security_protocol": "PLAINTEXT"}),
        ({"client.id": "x", "socket.keepalive.enable": True}, {"security_protocol": "PLAINTEXT"}),
        (
            {"security.protocol": "sasl_plaintext", "sasl.mechanism": "PLAIN",
             "sasl.username": "u", "sasl.password": "p"},
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN",
             "sasl_plain_username": "u", "sasl_plain_password": "p"},
        ),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanism": "GSSAPI"}, None),
        ({"security.protocol": "ssl", "ssl.ca.pem": "-----BEGIN"}, None),
        ({"sasl.oauthbearer.config": "x"}, None),
    ],
)  # fmt: skip
def test_settings_that_aiokafka_has(
    settings: dict[str, Any], options: dict[str, Any] | None
) -> None:
    found = client_options({"bootstrap.servers": "a:1,b:2", **settings})
    if options is None:
        assert found is None
    else:
        assert found == {
            "bootstrap_servers": ["a:1", "b:2"], "request_timeout_ms": 30_000, **options
        }  # fmt: skip


def batch(base: int, producer: int, attributes: int) -> bytes:
    """Two records of a producer, from `base` on."""
    builder = new_batch()
    for delta in range(2):
        builder.append(delta, 0, None, b"x", [])
    encoded = builder.build()
    fields = list(HEADER.unpack_from(encoded))
    fields[0], fields[5], fields[9] = base, attributes, producer
    HEADER.pack_into(encoded, 0, *fields)
    return bytes(encoded)


@pytest.mark.parametrize(
    ("aborted", "batches", "seen"),
    [
        ([], [(0, 7, T), (2, 7, C), (4, 8, 0)], [0, 4]),
        ([(7, 0)], [(0, 7, T), (2, 8, T), (4, 7, C), (6, 8, C)], [2]),
        ([(7, 0)], [(0, 7, T), (2, 7, C), (4, 7, T), (6, 7, C)], [4]),
        ([(7, 4)], [(0, 7, T), (2, 7, C), (4, 7, T), (6, 7, C)], [0]),
        ([(7, 0), (7, 6)], [(0, 7, T), (2, 7, C), (4, 9, 0), (6, 7, T), (8, 7, C)], [4]),
        ([(7, 0)], [(0, 7, T), (2, 7, 0)], [2]),
    ],
)
def test_aborted_transactions_are_hidden(
    aborted: list[tuple[int, int]], batches: list[tuple[int, int, int]], seen: list[int]
) -> None:
    ended = _Aborted(aborted)
    found = [Batch(batch(*each)) for each in batches]
    assert [each.base_offset for each in found if not ended.hides(each)] == seen


def test_an_answer_that_is_cut_ends_with_its_last_whole_batch() -> None:
    data = batch(0, -1, 0) + batch(2, -1, 0)
    for cut, count in ((0, 2), (1, 1), (len(data) // 2 - 5, 1), (len(data) - HEADER_SIZE + 1, 0)):
        assert len(list(_batches(data[: len(data) - cut], 0))) == count
    (first, _) = _batches(data, 1)
    assert [each.offset for each in first] == [1]
