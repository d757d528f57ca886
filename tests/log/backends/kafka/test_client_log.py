"""Of what Kafka's client says again and again, a line now and then; and no alarm at a fence."""

import logging

import pytest

from log.backends.kafka import client_log
from log.backends.kafka.client_log import Quieter

REFUSED = (
    "FAIL [rdkafka#producer-{client}] [thrd:127.0.0.1:1/bootstrap]: 127.0.0.1:1/bootstrap: "
    "Connect to ipv4#127.0.0.1:1 failed: Connection refused (after {ms}ms in state CONNECT)"
)
FENCED = (
    "TXNERR [rdkafka#producer-21] [thrd:main]: Fatal transaction error: Failed to add partitions "
    "to transaction: Local: This instance has been fenced by a newer instance (_FENCED)"
)
UPDATE = "METADATAUPDATE [rdkafka#producer-3] [thrd:main]: new leader not found in cache"


def passes(quieter: Quieter, text: str) -> bool:
    record = logging.LogRecord("refold.kafka.client", logging.ERROR, "", 0, "%s", (text,), None)
    return bool(quieter.filter(record))


def test_repetitions_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    quieter = Quieter()
    assert passes(quieter, REFUSED.format(client=1, ms=0))
    assert not passes(quieter, REFUSED.format(client=1, ms=0))
    assert not passes(quieter, REFUSED.format(client=2, ms=7))
    assert passes(quieter, REFUSED.format(client=1, ms=0).replace("127.0.0.1:1", "127.0.0.1:2"))
    monkeypatch.setattr(client_log, "SAY_AGAIN_S", 0.0)
    assert passes(quieter, REFUSED.format(client=1, ms=0))


def test_other_lines_pass_and_a_fence_is_told_by_the_writer() -> None:
    quieter = Quieter()
    assert passes(quieter, UPDATE)
    assert passes(quieter, UPDATE)
    assert not passes(quieter, FENCED)
