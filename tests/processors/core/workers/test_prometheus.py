"""What a worker tells is there for Prometheus, under names that the documentation explains."""

import importlib
import re
import sys
import threading
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from processors.core.workers.monitor import MonitoringRefused, Place
from processors.core.workers.prometheus import PrometheusMonitor

HERE = Place("markets.exchange", 3)
OTHER = Place("markets.exchange", 0)
DOCUMENTED = Path(__file__).parents[4] / "docs" / "observability.md"


def samples(monitor: PrometheusMonitor, place: Place = HERE) -> dict[str, float]:
    """What a scrape shows of one task; buckets as `name{le}`."""
    _, text = monitor.exposition("")
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = dict(sample.labels)
            named = labels.pop("system", None), labels.pop("partition", None)
            if named == (place.system, str(place.partition)):
                name = sample.name.removeprefix("refold_")
                found[f"{name}{{{labels['le']}}}" if labels else name] = sample.value
    return found


def test_the_life_of_a_task() -> None:
    monitor = PrometheusMonitor()
    monitor.assigned(HERE)
    found = samples(monitor)
    assert (found["task_assigned"], found["task_running"]) == (1, 0)
    assert "lag_commands" not in found, "nobody has looked yet"
    monitor.recovering(HERE, done=250, total=1000, seconds_left=7.5)
    found = samples(monitor)
    assert found["recovery_done_events"] == 250
    assert found["recovery_target_events"] == 1000
    assert found["recovery_left_seconds"] == 7.5
    assert "recovery_duration_seconds" not in found
    monitor.running(HERE, recovery_s=2.5)
    monitor.lagging(HERE, commands=40, seconds=0.25)
    found = samples(monitor)
    assert found["task_running"] == 1
    assert found["recovery_left_seconds"] == 0
    assert found["recovery_duration_seconds"] == 2.5
    assert (found["lag_commands"], found["lag_seconds"]) == (40, 0.25)


def test_each_command_of_a_batch_counts_in_the_latency() -> None:
    monitor = PrometheusMonitor()
    monitor.assigned(HERE)
    assert samples(monitor)["commands_total"] == 0
    monitor.stepped(HERE, commands=1000, elapsed_s=0.015)
    monitor.stepped(HERE, commands=10, elapsed_s=0.4)
    monitor.stepped(HERE, commands=1, elapsed_s=99.0)
    found = samples(monitor)
    assert found["commands_total"] == found["latency_seconds_count"] == 1011
    assert found["latency_seconds_sum"] == pytest.approx(1000 * 0.015 + 10 * 0.4 + 99)
    buckets = ["0.01", "0.02", "0.2", "0.5", "30.0", "+Inf"]
    assert [found[f"latency_seconds_bucket{{{le}}}"] for le in buckets] == [
        0,
        1000,
        1000,
        1010,
        1010,
        1011,
    ]
    assert (found["batch_commands_count"], found["batch_commands_sum"]) == (3, 1011)
    assert found["batch_commands_bucket{1.0}"] == 1
    assert found["batch_commands_bucket{10.0}"] == 2


def test_the_series_of_a_released_partition_disappear_but_rare_counts_stay() -> None:
    monitor = PrometheusMonitor()
    for place in (HERE, OTHER):
        monitor.assigned(place)
        monitor.running(place, 0.1)
        monitor.stepped(place, 5, 0.001)
        monitor.lagging(place, 0, 0.0)
    before = samples(monitor)
    assert (before["dead_letters_total"], before["fences_total"]) == (0, 0), "a rate needs a zero"
    monitor.dead_lettered(HERE, 2)
    monitor.released(HERE)
    assert samples(monitor) == {"dead_letters_total": 2, "fences_total": 0}
    assert samples(monitor, OTHER) == before
    monitor.fenced(OTHER)
    monitor.released(OTHER)
    assert samples(monitor, OTHER) == {"dead_letters_total": 0, "fences_total": 1}
    monitor.assigned(HERE)
    assert samples(monitor)["commands_total"] == 0
    assert samples(monitor)["dead_letters_total"] == 2


def test_reactions_and_answers_are_counted() -> None:
    monitor = PrometheusMonitor()
    monitor.reacted(HERE, 3)
    monitor.reacted(HERE, 4)
    monitor.performed(OTHER, 1)
    assert samples(monitor) == {"reactions_total": 7}
    assert samples(monitor, OTHER) == {"answers_total": 1}


def test_a_fenced_task_does_not_run_until_it_is_recovered_again_or_released() -> None:
    monitor = PrometheusMonitor()
    monitor.assigned(HERE)
    monitor.recovering(HERE, 10, 10, 0.0)
    monitor.running(HERE, 0.5)
    monitor.stepped(HERE, 5, 0.001)
    monitor.lagging(HERE, 3, 0.1)
    monitor.fenced(HERE)
    found = samples(monitor)
    assert (found["task_assigned"], found["task_running"], found["fences_total"]) == (1, 0, 1)
    assert not {"lag_commands", "lag_seconds", "recovery_done_events"} & set(found)
    assert found["commands_total"] == 5
    monitor.running(HERE, 0.7)
    assert samples(monitor)["task_running"] == 1


def test_a_standby_is_shown_until_it_takes_over_or_ends() -> None:
    monitor = PrometheusMonitor()
    monitor.standing_by(HERE, behind=7)
    monitor.standing_by(OTHER, behind=9)
    assert samples(monitor) == {"standby_lag_offsets": 7}
    monitor.assigned(HERE)
    monitor.standing_by(HERE, behind=3)
    assert "standby_lag_offsets" not in samples(monitor)
    monitor.released(OTHER)
    assert samples(monitor, OTHER) == {}


def test_membership_of_groups() -> None:
    monitor = PrometheusMonitor()
    value = monitor.registry.get_sample_value
    assert value("refold_group_member", {"group": "refold"}) is None
    for member in (True, False):
        monitor.joined("refold", member)
        assert value("refold_group_member", {"group": "refold"}) == member


def test_two_monitors_in_a_process_do_not_share_series() -> None:
    one, other = PrometheusMonitor(), PrometheusMonitor()
    one.assigned(HERE)
    assert samples(one) and not samples(other)


def test_openmetrics_where_it_is_asked_for() -> None:
    monitor = PrometheusMonitor()
    monitor.assigned(HERE)
    monitor.stepped(HERE, 5, 0.001)
    kind, text = monitor.exposition("application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    parsed = openmetrics_families(text.decode())  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parsed}
    assert families["refold_commands"].type == "counter"
    assert families["refold_latency_seconds"].type == "histogram"


def test_the_process_itself_is_measured() -> None:
    value = PrometheusMonitor().registry.get_sample_value
    assert (value("process_resident_memory_bytes") or 0) > 1 << 20


def test_the_documentation_explains_every_metric_and_no_other() -> None:
    documented = set(re.findall(r"^\| `(refold_\w+)", DOCUMENTED.read_text(), re.MULTILINE))
    assert documented == {
        family.name + ("_total" if family.type == "counter" else "")
        for family in PrometheusMonitor().collect()
    }


def test_it_is_read_while_a_worker_tells() -> None:
    monitor = PrometheusMonitor()
    stop = threading.Event()
    failures: list[BaseException] = []

    def scrape() -> None:
        try:
            while not stop.is_set():
                monitor.exposition("")
                monitor.recoveries()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=scrape)
    thread.start()
    for number in range(500):
        place = Place("markets.exchange", number % 50)
        monitor.assigned(place)
        monitor.stepped(place, 1, 0.001)
        if number % 3:
            monitor.released(place)
    stop.set()
    thread.join()
    assert failures == []


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "processors.core.workers.prometheus")
    with pytest.raises(MonitoringRefused, match=re.escape("pip install 'refold[metrics]'")):
        importlib.import_module("processors.core.workers.prometheus")
