"""The overview, as people see it: traffic moves rates, a dead letter is inspected and retried."""

import json
import re
from collections.abc import Callable

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.gateway.http.conftest import PARKING, until
from tests.gateway.web.conftest import Tab

SYSTEM = "samples.parking"


def park(tab: Tab, spot: str, car: str = "x", stay_ms: int = 10**9) -> httpx.Response:
    body = {"spot": spot, "car": car, "stay_ms": stay_ms}
    return httpx.post(f"{tab.url}{PARKING}/commands/park_car", json=body, timeout=20)


def row_of(page: Page, system: str = SYSTEM) -> Locator:
    return page.locator(f'[data-system="{system}"]')


def figure(row: Locator, name: str) -> float:
    text = row.locator(f'[data-of="{name}"] .mono').inner_text()
    return float(text.replace(",", ""))


def keep_parking(tab: Tab, name: str, seen: Callable[[], bool]) -> None:
    spots = iter(range(100_000))

    def is_seen() -> bool:
        assert park(tab, f"{name}-{next(spots)}").status_code == 200
        return seen()

    until(is_seen)


def test_traffic_moves_the_rates_of_its_system(tab: Tab) -> None:
    """Given a system at rest, when cars come, then its row, its line and its flow move."""
    page = tab.open("/")
    row = row_of(page)
    expect(row).to_be_visible()
    assert (figure(row, "commands"), figure(row, "events")) == (0, 0)
    keep_parking(tab, "rate", lambda: figure(row, "commands") > 0 and figure(row, "events") > 0)
    expect(row.get_by_role("img")).to_have_accessible_name(
        re.compile(f"Events a second of {SYSTEM}, now [0-9.]+")
    )
    edge = f'[data-edge="{SYSTEM}.events>{SYSTEM}.read-models"]'
    keep_parking(tab, "edge", lambda: page.locator(edge).count() == 1)
    others = row_of(page, "booking.hotels")
    assert figure(others, "commands") == 0


def test_a_dead_letter_appears_is_inspected_and_retried(tab: Tab) -> None:
    page = tab.open("/")
    letters = page.get_by_role("table", name="Dead letters")
    expect(letters).to_contain_text("None: every command could be decided.")
    spoilt = park(tab, "a", "the spoilt one", stay_ms=-1)
    assert spoilt.status_code == 422
    place = "{partition}:{offset}".format(**spoilt.json()["command"])
    row_of(page).get_by_role("button", name="1 dead letter").click()
    letters.get_by_role("row", name=place).press("Enter")
    dialog = page.get_by_role("dialog", name=f"{SYSTEM}, command {place}")
    expect(dialog.get_by_role("alert")).to_contain_text("a stay cannot be negative")
    record = dialog.get_by_label("The record")
    expect(record).to_contain_text("the spoilt one")
    assert json.loads(record.inner_text())["stay_ms"] == -1
    tab.picture("overview-dead-letter")
    dialog.get_by_role("button", name="Retry").click()
    expect(dialog.get_by_role("status")).to_contain_text("Appended again")
    expect(dialog.get_by_role("button", name="Retry")).to_be_disabled()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    # it is as wrong as before: a new letter waits, and the old one is told only where asked
    number, offset = map(int, place.split(":"))
    expect(letters.get_by_role("row", name=f"{number}:{offset + 1}")).to_be_visible()
    expect(letters.get_by_role("row", name=f" {place} ")).to_have_count(0)
    page.get_by_label("retried ones too").check()
    expect(letters.get_by_text("retried", exact=True)).to_have_count(1)


def test_topics_and_read_models_are_listed(tab: Tab) -> None:
    page = tab.open("/")
    assert park(tab, "a").status_code == 200
    partitions = page.get_by_role("table", name="Partitions")
    expect(partitions.get_by_role("row").nth(1)).to_contain_text("booking.hotels")
    page.get_by_role("tab", name="read models").click()
    models = page.get_by_role("table", name="Read models")
    expect(models.get_by_role("row").nth(1)).to_contain_text("booking.hotels")
    expect(models.get_by_role("row").nth(1)).to_contain_text("current")


def test_the_flow_of_one_system_is_drawn_with_its_topics(tab: Tab) -> None:
    page = tab.open("/")
    flow = page.get_by_role("region", name="Flow")

    def node(label: str) -> Locator:
        return flow.locator(".flow-node text", has_text=re.compile(f"^{re.escape(label)}$"))

    expect(flow.locator(".flow-node").first).to_be_visible()
    assert flow.locator('.flow-node[data-kind="topic"]').count() == 0
    flow.get_by_label("Of which system").select_option("markets.clearing")
    for topic in ("markets.clearing.commands", "markets.clearing.events"):
        expect(node(topic)).to_be_visible()
    expect(node("to_exchange")).to_be_visible()
    expect(node("markets.exchange.commands")).to_be_visible()
    expect(node("booking.hotels.commands")).to_have_count(0)


def test_links_lead_to_each_system(tab: Tab) -> None:
    page = tab.open("/")
    row = row_of(page, "markets.exchange")
    for name, path in (
        ("Exchange", "/exchange"),
        ("API", "/systems/markets/exchange"),
        ("Time machine", "/time/markets/exchange"),
    ):
        link = row.get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", path)


def test_it_is_accessible_and_narrow(tab: Tab) -> None:
    page = tab.open("/")
    assert park(tab, "a", stay_ms=-1).status_code == 422
    row_of(page).get_by_role("button", name="1 dead letter").wait_for()
    tab.picture("overview")
    tab.check_accessible()
    page.get_by_role("table", name="Dead letters").get_by_role("row").nth(1).click()
    page.get_by_role("dialog").get_by_label("The record").wait_for()
    tab.check_accessible()
    page.keyboard.press("Escape")
    tab.check_narrow()
    row_of(page).get_by_role("button", name="1 dead letter").wait_for()
    tab.picture("overview-narrow")
