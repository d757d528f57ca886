"""The page of a system, made from the description alone: commands by form, queries that follow,
and events as they happen.
"""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.http.conftest import Server, servers_in
from tests.gateway.web.conftest import Tab

SERVED = ("parking", "exchange", "hotels")
PAGES = ("samples/parking", "markets/exchange", "booking/hotels")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    servers = servers_in(tmp_path_factory.mktemp("systems"))
    yield servers.start(*SERVED)
    servers.close()


def open_page(tab: Tab, path: str) -> Page:
    """With the description there."""
    page = tab.open(f"/systems/{path}")
    expect(page.get_by_role("navigation", name="Commands")).to_be_visible()
    return page


def result(page: Page) -> str:
    """What a command led to."""
    shown = page.locator(".system-result")
    expect(shown).to_contain_text("Decided and durable")
    return shown.inner_text()


def test_a_command_by_form_and_what_it_led_to(tab: Tab, server: Server) -> None:
    """The form is filled in with the example; the keyboard is enough."""
    page = open_page(tab, "samples/parking?command=park_car")
    expect(page.locator("main h1")).to_have_text("samples.parking")
    spot = page.get_by_label("spot", exact=True)
    assert spot.input_value() != ""
    spot.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("by-form")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("mine")
    page.keyboard.press("Tab")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("1000000000")
    page.keyboard.press("Enter")
    assert "car_parked.v1" in result(page)
    who = server.client.get("/api/samples/parking/queries/who", params={"spot": "by-form"})
    assert who.json()["car"] == "mine"


def test_events_are_shown_as_they_happen(tab: Tab, server: Server) -> None:
    page = open_page(tab, "samples/parking")
    expect(page.get_by_text("Nothing has happened since this page was opened.")).to_be_visible()
    spots = iter(range(1000))

    def happens() -> bool:  # the stream begins where the log ends by then
        server.park(f"told-{next(spots)}")
        return page.get_by_role("table", name="Events, newest first").is_visible()

    while not happens():
        page.wait_for_timeout(50)
    row = page.get_by_role("row").filter(has_text="told-").first
    expect(row).to_contain_text("car_parked.v1")
    row.press("Enter")
    expect(page.locator(".system-chosen")).to_contain_text("until ms")
    page.get_by_label("Which events").select_option("car_left.v1")
    expect(page.get_by_text("Nothing has happened since this page was opened.")).to_be_visible()


def test_what_does_not_fit_is_said_at_its_field(tab: Tab) -> None:
    """Before it is sent, where the description says enough; what was typed stays."""
    page = open_page(tab, "samples/parking?command=park_car")
    stay = page.get_by_label("stay ms")
    stay.fill("long")
    page.get_by_role("button", name="Send").click()
    expect(stay).to_have_attribute("aria-invalid", "true")
    expect(stay).to_have_accessible_description("A whole number, please.")
    expect(stay).to_be_focused()
    assert stay.input_value() == "long"


def test_a_rejection_is_shown_at_its_field(tab: Tab) -> None:
    page = open_page(tab, "markets/exchange?command=cancel_order")
    instrument = page.get_by_label("instrument", exact=True)
    instrument.fill("NONE")
    page.get_by_label("order id", exact=True).fill("5")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_contain_text("unknown_instrument")
    expect(instrument).to_have_attribute("aria-invalid", "true")
    expect(instrument).to_be_focused()
    instrument.fill("OTHER")
    expect(instrument).to_have_attribute("aria-invalid", "false")


def test_lists_and_structs_are_put_in(tab: Tab, server: Server) -> None:
    path = "/api/booking/hotels"
    opened = server.client.post(f"{path}/commands/open_hotel", json={"hotel": "lists"})
    kind = {"hotel": "lists", "room_type": "double", "guests_max": 2}
    made = server.client.post(f"{path}/commands/set_room_type", json=kind)
    assert [opened.status_code, made.status_code] == [200, 200]
    page = open_page(tab, "booking/hotels?command=add_rooms")
    page.get_by_label("hotel", exact=True).fill("lists")
    page.get_by_label("room type", exact=True).fill("double")
    while (remove := page.get_by_role("button", name="Remove names 1")).is_visible():
        remove.click()
    for number, name in enumerate(("101", "102"), 1):
        page.get_by_role("button", name="Add to names").click()
        page.get_by_label(f"names {number}", exact=True).fill(name)
    page.get_by_role("button", name="Send").click()
    assert "rooms_added.v1" in result(page)

    page = open_page(tab, "markets/exchange?command=place_order")
    group = page.get_by_role("group", name="terms")
    group.get_by_role("button", name="Give terms").click()
    expect(group.get_by_role("button", name="Leave terms out")).to_be_visible()
    group.get_by_role("button", name="Leave terms out").click()
    expect(group.get_by_role("button", name="Give terms")).to_be_visible()


def test_a_row_of_a_live_query_appears_by_itself(tab: Tab, server: Server) -> None:
    page = open_page(tab, "samples/parking?query=taken")
    expect(page.get_by_text("live ·")).to_be_visible()
    server.park("appears")
    row = page.get_by_role("table", name="taken").get_by_role("row").filter(has_text="appears")
    expect(row).to_be_visible()
    server.client.post("/api/samples/parking/commands/leave_spot", json={"spot": "appears"})
    expect(row).to_have_count(0)


def test_a_query_as_it_was(tab: Tab, server: Server) -> None:
    place = server.park("then", "first").json()["command"]
    server.client.post("/api/samples/parking/commands/leave_spot", json={"spot": "then"})
    page = open_page(tab, "samples/parking?query=who")
    page.get_by_label("spot", exact=True).fill("then")
    page.get_by_text("As of another moment").click()
    page.get_by_label("at", exact=True).fill(str(place["offset"]))
    page.get_by_label("partition", exact=True).fill(str(place["partition"]))
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_label("Answer")).to_contain_text("first")
    page.get_by_label("at", exact=True).fill("")
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_label("Answer")).to_contain_text("There is none.")


@pytest.mark.parametrize("path", PAGES)
def test_every_system_has_a_page_that_everybody_can_use(tab: Tab, path: str) -> None:
    page = open_page(tab, path)
    links = page.get_by_role("navigation", name="Queries").get_by_role("link")
    assert links.count() > 2
    tab.picture(f"system-{path.replace('/', '-')}")
    tab.check_accessible()
    links.first.click()
    expect(links.first).to_have_attribute("aria-current", "page")
    tab.check_accessible()
    tab.check_narrow()
    page.get_by_role("combobox", name="Commands").select_option(index=1)
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    tab.check_narrow()
