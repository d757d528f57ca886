"""The time machine in a browser: along a history by hand and by keys, from an event to its cause
in another system, two moments compared, and what would have been.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.gateway.http.conftest import ROOT, Server, servers_in, until
from tests.gateway.http.history.conftest import COMMANDS, DEMO, fresh, plain_environment
from tests.gateway.web.conftest import Tab

EXCHANGE = "/time/markets/exchange"
PARKING = "/time/samples/parking"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """On recorded histories: of the garage, of clearing, of the exchange."""
    folder: Path = fresh(tmp_path_factory.mktemp("past"))
    subprocess.run(
        [*DEMO, "--log", str(folder / ".refold")],
        cwd=folder,
        env={**plain_environment(), "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=120,
    )
    servers = servers_in(folder)
    try:
        yield servers.start("parking", "clearing", "exchange")
    finally:
        servers.close()


def hand(page: Page) -> Locator:
    return page.get_by_role("slider", name="Moment of the history")


def at(page: Page, offset: int) -> None:
    """It stands there, and all that is slower has followed."""
    expect(hand(page)).to_have_attribute("aria-valuenow", str(offset))
    expect(page).to_have_url(re.compile(rf"at=({offset}|end)\b"))


def standing(page: Page) -> int:
    return int(hand(page).get_attribute("aria-valuenow") or "-1")


def history(server: Server, system: str, path: str, **given: str | int) -> dict[str, object]:
    answer = server.client.get(f"/api/{system}/history{path}", params=given)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def busiest(server: Server, system: str) -> int:
    partitions = history(server, system, "")["partitions"]
    assert isinstance(partitions, list)
    return int(max(partitions, key=lambda each: each["commands"])["partition"])


def test_a_hand_drags_through_time(tab: Tab, server: Server) -> None:
    """State, events and rendering are those of where it is let go."""
    page = tab.open(f"{PARKING}?at=10")
    at(page, 10)
    box = hand(page).bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.1, middle)
    page.mouse.down()
    for part in range(20, 61, 5):
        page.mouse.move(box["x"] + box["width"] * part / 100, middle)
    page.mouse.up()
    until(lambda: standing(page) > COMMANDS * 0.575)
    offset = standing(page)
    at(page, offset)
    assert offset < COMMANDS * 0.7
    moment = history(server, "samples/parking", "/partitions/0/moment", at=offset)
    drawing = page.get_by_label("The state, drawn")
    assert drawing.text_content() == moment["rendering"]
    tab.picture("time-machine-dragged")


def test_keys_step_play_and_go_with_the_live_end(tab: Tab, server: Server) -> None:
    page = tab.open(f"{PARKING}?at=20")
    at(page, 20)
    page.keyboard.press("ArrowRight")
    at(page, 21)
    page.keyboard.press("ArrowLeft")
    at(page, 20)
    page.keyboard.press("Shift+ArrowRight")
    at(page, 30)
    page.keyboard.press("Home")
    at(page, 0)
    page.get_by_label("Speed").select_option(label="100 commands/s")
    page.locator("h1").click()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause (space)")).to_be_visible()
    until(lambda: standing(page) > 25)
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Play (space)")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator(".tm-where").get_by_text("live", exact=True)).to_be_visible()
    parked = server.park("seen-live", "new-car").json()
    at(page, parked["command"]["offset"])
    expect(page.get_by_label("Events").get_by_text("car_parked.v1")).to_be_visible()


def test_an_event_leads_to_its_cause_in_another_system(tab: Tab, server: Server) -> None:
    """From a trade on the exchange to the order that a client placed with clearing, and there."""
    number = busiest(server, "markets/exchange")
    path = f"/partitions/{number}/find"
    found = history(server, "markets/exchange", path, text="order_traded.v1")["command_offset"]
    page = tab.open(f"{EXCHANGE}?partition={number}&at={found}")
    trade = page.get_by_label("Events").get_by_role("listitem").filter(has_text="order_traded")
    trade.first.get_by_role("button", name="The story of order_traded.v1").click()
    told = page.locator(".tm-story")
    origin = told.get_by_role("button").filter(has_text="markets.clearing").first
    expect(origin).to_contain_text("place_order.v1")
    expect(told.get_by_role("button").filter(has_text="order_filled.v1").first).to_be_visible()
    tab.picture("time-machine-story")
    origin.click()
    expect(page).to_have_url(re.compile("/time/markets/clearing"))
    expect(page.get_by_label("System")).to_have_value("markets.clearing")
    command = page.locator(".tm-recorded").first
    expect(command).to_contain_text("place_order.v1")


def test_two_moments_are_compared(tab: Tab, server: Server) -> None:
    page = tab.open(f"{PARKING}?at=40")
    at(page, 40)
    page.get_by_role("button", name="Pin", exact=True).click()
    page.keyboard.press("PageDown")
    at(page, 140)
    wanted = history(server, "samples/parking", "/partitions/0/compare", left=40, right=140)
    count = wanted["count"]
    expect(page.get_by_text(f"State: {count} fields differ")).to_be_visible()
    fields = wanted["fields"]
    assert isinstance(fields, list) and fields
    rows = page.locator(".tm-laboratory table").first.locator("tbody tr")
    expect(rows).to_have_count(len(fields))
    expect(rows.first).to_contain_text(fields[0]["path"])
    expect(page).to_have_url(re.compile("pin=40"))
    page.reload()  # the address holds it all
    expect(page.get_by_text(f"State: {count} fields differ")).to_be_visible()
    tab.check_accessible()


def test_what_would_be_if_a_command_had_not_been(tab: Tab, server: Server) -> None:
    """The first car that parked had stayed away: another one gets its spot."""
    path = "/partitions/0/find"
    found = history(server, "samples/parking", path, text="car_refused.v1")["command_offset"]
    moment = history(server, "samples/parking", "/partitions/0/moment", at=str(found))
    events = moment["events"]
    assert isinstance(events, list)
    spot = next(each["value"]["spot"] for each in events if each["type"] == "car_refused.v1")
    before = 0
    for offset in range(int(str(found))):
        earlier = history(server, "samples/parking", "/partitions/0/moment", at=offset)["events"]
        assert isinstance(earlier, list)
        kinds = [(each["type"], each["value"].get("spot")) for each in earlier]
        before = offset if ("car_parked.v1", spot) in kinds else before
    page = tab.open(f"{PARKING}?at={before}")
    at(page, before)
    page.get_by_role("button", name="What if not?").click()
    page.get_by_role("button", name="Play it again").click()
    outcome = page.get_by_label("What would be other")
    expect(outcome.get_by_text("car_refused.v1").first).to_be_visible()
    expect(outcome).to_contain_text("answered otherwise")
    tab.picture("time-machine-what-if")
    outcome.get_by_role("button", name=str(found), exact=True).click()
    at(page, int(str(found)))


def test_read_models_follow_the_hand(tab: Tab, server: Server) -> None:
    page = tab.open(f"{PARKING}?at=60")
    at(page, 60)
    page.get_by_role("tab", name="Read models").click()
    page.get_by_label("Query").select_option("stays")
    page.get_by_label("spot", exact=True).fill("spot-3")
    page.get_by_label("spot", exact=True).press("Enter")
    table = page.get_by_role("table", name="stays at this moment")
    for offset in (60, 61, 62, 90):
        if offset == 90:
            page.get_by_label("Place: a command's offset, or a time").fill("90")
            page.keyboard.press("Enter")
        elif offset > 60:
            page.locator("h1").click()
            page.keyboard.press("ArrowRight")
        at(page, offset)
        given: dict[str, str | int] = {"spot": "spot-3", "left": offset, "right": offset}
        told = server.client.get(
            "/api/samples/parking/history/queries/stays/compare", params=given
        )
        count = told.json()["right"]["count"]
        expect(table.locator("tbody tr")).to_have_count(count)


def test_it_is_for_everybody(tab: Tab, server: Server) -> None:
    page = tab.open(f"{EXCHANGE}?at=end")
    expect(page.get_by_label("The state, drawn")).not_to_be_empty()
    tab.check_accessible()
    tab.picture("time-machine")
    for name in ("Read models", "State"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        tab.check_accessible()
    tab.check_narrow()
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(f"{tab.url}/time")
    link = page.get_by_role("link", name=re.compile("parking"))
    expect(link).to_be_visible()
    tab.check_accessible()
