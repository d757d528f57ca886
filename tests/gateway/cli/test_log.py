"""Topics are described; cleaning does what their settings say."""

from log.backends.file import FileLog
from log.record import Record
from log.topic import TopicConfig
from tests.gateway.cli.conftest import Cli


def test_topics_are_described(cli: Cli) -> None:
    with FileLog(cli.log) as log:
        log.ensure_topic("shop.orders.events", TopicConfig(partitions=2, retention_ms=5))
        log.partition("shop.orders.events", 1).append([Record(b"1"), Record(b"2")])
    (row,) = cli("log", "topics", "--json").json
    assert (row["topic"], row["partitions"], row["records"]) == ("shop.orders.events", 2, 2)
    told = cli("log", "topics", "orders.events", "--json").json
    assert told["config"]["retention_ms"] == 5
    assert [each["high_watermark"] for each in told["partitions"]] == [0, 2]
    shown = cli("log", "topics", "orders.events").stdout
    assert "retention_ms" in shown
    assert cli("log", "topics", "orders.evnts").exit_code == 2


def test_clean_compacts(cli: Cli) -> None:
    config = TopicConfig(cleanup_policy="compact", segment_bytes=1024)
    with FileLog(cli.log) as log:
        log.ensure_topic("t", config)
        for number in range(100):
            log.partition("t", 0).append([Record(b"%050d" % number, b"key")])
    assert cli("log", "clean").exit_code == 0
    left = cli("read", "t", "--json").json_lines
    assert len(left) < 100
    assert left[-1]["offset"] == 99
