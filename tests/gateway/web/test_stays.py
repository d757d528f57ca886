"""The page of the stays: from the map to a stay that is paid for, as guest and as host."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.gateway.http.conftest import Server, Servers
from tests.gateway.web.conftest import Tab

API = "/api/booking/stays"
HOLD = f"**{API}/commands/hold_nights"
TOWN = "42.5500,-73.9500,42.7500,-73.6500"
DAY_MS = 86_400_000


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("stays", "--simulated")


def send(server: Server, command: str, **fields: Any) -> None:
    answer = server.client.post(f"{API}/commands/{command}", json=fields)
    assert answer.status_code == 200, answer.text


def asked(server: Server, query: str, **arguments: Any) -> Any:
    answer = server.client.get(f"{API}/queries/{query}", params=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def offer(server: Server, listing: str = "loft", title: str = "Loft", **more: Any) -> None:
    """A listing in Albany, 100 dollars a night."""
    place = {
        "latitude_microdegrees": 42_650_000,
        "longitude_microdegrees": more.pop("longitude", -73_750_000),
        "city": "Albany",
    }
    fields = {
        "host": "hanna",
        "capacity": 4,
        "currency": "USD",
        "prices": {"night_price": 10_000},
        "room_type": "entire home",
        "amenities": ["wifi"],
        **more,
    }
    send(server, "create_listing", listing=listing, title=title, place=place, **fields)


def day(number: int) -> int:
    """So many days from now, as commands count them."""
    return time.time_ns() // 1_000_000 // DAY_MS + number


def date(number: int) -> str:
    """So many days from now, as the address and the calendar have them."""
    return time.strftime("%Y-%m-%d", time.gmtime(day(number) * DAY_MS / 1_000))


def open_loft(tab: Tab, guest: str = "ann", first: int = 10, end: int = 13) -> Page:
    stay = f"arrival={date(first)}&departure={date(end)}"
    page = tab.open(f"/stays?as={guest}&view=listing&listing=loft&{stay}")
    expect(total(page)).to_contain_text("$")
    return page


def total(page: Page) -> Locator:
    return page.get_by_role("row", name="Total")


def night(page: Page, number: int) -> Locator:
    return page.locator(f"[data-day='{date(number)}']")


def hold(page: Page) -> None:
    page.get_by_role("button", name="Hold these nights").click()


def hold_as(server: Server, guest: str, booking: str, first: int = 10, end: int = 13) -> None:
    stay = {"arrival": day(first), "departure": day(end)}
    send(server, "hold_nights", listing="loft", booking=booking, guest=guest, **stay)


def test_an_area_is_searched_nights_are_held_and_paid_and_the_trip_is_confirmed_live(
    tab: Tab, second_tab: Tab, server: Server
) -> None:
    # given two listings in town, one far out, and a tab that shows the trips of ann
    offer(server)
    offer(server, "barn", "Barn", longitude=-73_700_000, prices={"night_price": 7_000})
    offer(server, "hut", "Hut", longitude=-75_500_000)
    trips = second_tab.open("/stays?as=ann&view=trips")
    expect(trips.get_by_text("No trip is planned.")).to_be_visible()

    # when she searches the town, looks farther out, and narrows it down
    page = tab.open(f"/stays?as=ann&area={TOWN}")
    expect(page.get_by_role("heading", name="2 listings here")).to_be_visible()
    found = page.get_by_role("region", name="2 listings here").get_by_role("listitem")
    expect(found).to_have_count(2)
    expect(page.locator(".stays-spot text")).to_have_text(["$70", "$100"])
    page.get_by_role("application").focus()
    for _ in range(6):
        page.keyboard.press("-")
    expect(page.get_by_role("heading", name="3 listings here")).to_be_visible()
    page.get_by_label("Most").fill("80")
    page.get_by_label("Most").press("Enter")
    expect(page.get_by_role("heading", name="1 listing here")).to_be_visible()
    page.get_by_label("Most").fill("")
    page.get_by_label("Most").press("Enter")
    expect(page.get_by_role("heading", name="3 listings here")).to_be_visible()
    tab.picture("stays-search")

    # and opens one, and chooses nights by mouse and by keys
    page.get_by_role("link", name=re.compile("^Loft")).click()
    expect(page.get_by_role("heading", name="Loft")).to_be_visible()
    expect(page.get_by_text("entire home in Albany, for up to 4 guests.")).to_be_visible()
    night(page, 10).click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    expect(night(page, 13)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row", name="3 nights at $100")).to_contain_text("$300")
    expect(total(page)).to_contain_text("$300")
    tab.picture("stays-listing")
    hold(page)

    # then the nights are held, for a quarter of an hour, and nobody else's
    expect(page.get_by_role("timer")).to_have_text(re.compile(r"^1[45]:\d\d$"))
    trip = trips.get_by_role("listitem").filter(has_text="Loft")
    expect(trip).to_contain_text("held")
    tab.picture("stays-held")

    # and once they are paid, confirmed: here, and on the other tab by itself
    page.get_by_role("button", name="Pay $300").click()
    expect(page.get_by_text("It is confirmed: the nights are yours.")).to_be_visible()
    expect(trip).to_contain_text("confirmed")
    second_tab.picture("stays-trips")
    tab.picture("stays-confirmed")

    # and she may cancel
    trip.get_by_role("button", name="Cancel the booking…").click()
    trip.get_by_role("button", name="Cancel the booking now").click()
    expect(trip).to_contain_text("cancelled")
    expect(page.get_by_text("Cancelled by the guest.")).to_be_visible()


def test_a_hold_of_nights_that_were_just_taken_is_refused_and_says_why(
    tab: Tab, server: Server
) -> None:
    offer(server)
    page = open_loft(tab)

    def be_faster(route: Route) -> None:
        hold_as(server, "bob", "b1", 11, 12)
        route.continue_()

    page.route(HOLD, be_faster)
    hold(page)
    expect(page.get_by_role("alert").filter(has_text="Somebody was faster")).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="nights_taken")).to_be_visible()
    expect(page.get_by_text("not all of its nights are free")).to_be_visible()
    expect(night(page, 11)).to_have_attribute("data-state", "booked")
    expect(page.get_by_role("button", name="Hold these nights")).to_be_disabled()
    assert [each["booking"] for each in asked(server, "trips", guest="bob")] == ["b1"]
    assert asked(server, "trips", guest="ann") == []


def test_too_many_guests_are_said_at_the_field(tab: Tab, server: Server) -> None:
    offer(server)
    page = open_loft(tab)
    guests = page.get_by_label("Guests", exact=True)
    guests.fill("9")
    guests.press("Enter")
    expect(guests).to_have_attribute("aria-invalid", "true")
    expect(guests).to_have_accessible_description(re.compile("4"))
    expect(guests).to_have_value("9")


def test_a_card_is_declined_and_another_one_pays(tab: Tab, server: Server) -> None:
    offer(server)
    page = open_loft(tab)
    hold(page)
    page.get_by_label("Pay with").select_option("card_declined")
    page.get_by_role("button", name="Pay $300").click()
    expect(page.get_by_text("The payment was declined")).to_be_visible()
    page.get_by_role("button", name="Try again with another card").click()
    expect(total(page)).to_contain_text("$300")
    hold(page)
    page.get_by_role("button", name="Pay $300").click()
    expect(page.get_by_text("It is confirmed: the nights are yours.")).to_be_visible()


def test_a_hold_that_is_not_paid_runs_out_by_itself(tab: Tab, server: Server) -> None:
    offer(server, terms={"hold_ms": 4_000})
    hold_as(server, "ann", "b1")
    page = tab.open("/stays?as=ann&view=booking&listing=loft&booking=b1")
    expect(page.get_by_text("The hold ran out before it was paid.")).to_be_visible()
    assert asked(server, "trips", guest="ann")[0]["reason"] == "expired"


def test_a_host_accepts_a_request_and_blocks_nights(
    tab: Tab, second_tab: Tab, server: Server
) -> None:
    # given a listing by request, and a guest who has paid
    offer(server, terms={"mode": "request"})
    guest = open_loft(tab)
    hold(guest)
    guest.get_by_role("button", name="Pay $300").click()
    expect(guest.get_by_text("now the host is asked")).to_be_visible()

    # when the host accepts, the guest sees it
    host = second_tab.open("/stays?as=hanna&view=hosting")
    host.get_by_role("button", name="Accept ann").click()
    expect(guest.get_by_text("It is confirmed: the nights are yours.")).to_be_visible()
    expect(host.get_by_role("button", name="Accept ann")).to_be_hidden()
    expect(night(host, 10)).to_have_attribute("data-state", "booked")
    expect(host.get_by_role("region", name="How full Loft is")).to_contain_text("of")

    # and what the host blocks is gone from the calendar of a guest
    guest.get_by_role("link", name="The listing").click()
    expect(night(guest, 20)).to_have_attribute("data-state", "free")
    night(host, 20).click()
    night(host, 22).click()
    second_tab.picture("stays-hosting")
    host.get_by_role("button", name="Block").click()
    expect(night(guest, 20)).to_have_attribute("data-state", "blocked")
    expect(night(guest, 22)).to_have_attribute("data-state", "free")
    host.get_by_role("button", name="Open again").click()
    expect(night(guest, 20)).to_have_attribute("data-state", "free")
    host.get_by_label("Price a night, USD").fill("150")
    host.get_by_role("button", name="Set", exact=True).click()
    expect(night(guest, 21)).to_contain_text("$150")
    # but a night that is booked stays booked
    night(host, 10).click()
    night(host, 11).click()
    host.get_by_role("button", name="Block").click()
    expect(host.get_by_role("alert")).to_contain_text("cancel that first")


def test_a_listing_tells_what_its_host_says_and_the_host_changes_it_live(
    tab: Tab, second_tab: Tab, server: Server
) -> None:
    # given a listing with rules of its own, and a guest who looks at it
    season = {"first_night": day(100), "end_night": day(130), "rate_ppm": 1_500_000}
    offer(
        server,
        amenities=["wifi", "kitchen"],
        rules={"minimum_nights": 2, "maximum_nights": 14, "arrival_weekdays": [4, 5]},
        terms={"cancellation": "strict", "check_in_minute": 960},
        prices={"night_price": 10_000, "seasons": [season]},
    )
    guest = tab.open("/stays?as=ann&view=listing&listing=loft")
    told = guest.get_by_role("region", name="Good to know")
    for line in (
        "hanna",
        "Strict: all goes back within 48 hours",
        "from 16:00, on Fr, Sa alone",
        "2 to 14 nights",
        "$100; 150 % from",
    ):
        expect(told).to_contain_text(line)
    expect(guest.get_by_role("group", name="Amenities")).to_have_text("kitchenwifi")
    told.scroll_into_view_if_needed()
    tab.picture("stays-facts")

    # when the host changes some of it, and closes it
    host = second_tab.open("/stays?as=hanna&view=hosting")
    host.get_by_role("button", name="Change it…").click()
    form = host.get_by_role("dialog", name="Change the listing")
    expect(form.get_by_label("Price a night, USD")).to_have_value("100")
    form.get_by_label("Nights at least").fill("20")
    form.get_by_role("button", name="Change it").click()
    expect(form.get_by_label("Nights at least")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Nights at least").fill("3")
    form.get_by_label("Amenities").fill("wifi\nkitchen, with an oven\nsauna")
    form.get_by_label("Cancellation").select_option("Flexible")
    form.get_by_label("Takes bookings").uncheck()
    second_tab.picture("stays-change-listing")
    form.get_by_role("button", name="Change it").click()
    expect(form).to_be_hidden()

    # then the guest sees it, and what has no field in the form is as it was
    expect(told).to_contain_text("3 to 14 nights")
    expect(told).to_contain_text("Flexible: all goes back until 1 day before")
    expect(told).to_contain_text("from 16:00, on Fr, Sa alone")
    expect(told).to_contain_text("$100; 150 % from")
    amenities = guest.get_by_role("group", name="Amenities")
    expect(amenities).to_have_text("kitchen, with an ovensaunawifi")
    expect(guest.get_by_text("It is closed: it takes no bookings now.")).to_be_visible()
    expect(host.get_by_role("region", name="Your listings")).to_contain_text("closed")


def test_a_guest_changes_the_nights_of_a_booking(
    tab: Tab, second_tab: Tab, server: Server
) -> None:
    # given a booking that is paid, the nights of somebody else, and the host's calendar
    offer(server)
    hold_as(server, "bob", "b2", 16, 17)
    page = open_loft(tab)
    hold(page)
    page.get_by_role("button", name="Pay $300").click()
    expect(page.get_by_text("It is confirmed: the nights are yours.")).to_be_visible()
    host = second_tab.open("/stays?as=hanna&view=hosting")
    expect(night(host, 12)).to_have_attribute("data-state", "booked")
    form = page.get_by_role("form", name="Change the booking")
    change = form.get_by_role("button", name="Change the booking")

    # when she wants the nights of somebody else, that is said at the day
    page.get_by_role("button", name="Change nights or guests…").click()
    expect(change).to_be_disabled()
    form.get_by_label("Leave").fill(date(17))
    expect(total(page)).to_contain_text("$700")
    change.click()
    expect(form.get_by_label("Arrive")).to_have_accessible_description(re.compile("are taken"))
    expect(form.get_by_label("Leave")).to_have_value(date(17))

    # when the card is declined, the booking stays as it was
    form.get_by_label("Leave").fill(date(15))
    form.get_by_label("Pay with").select_option("card_declined")
    expect(total(page)).to_contain_text("$500")
    tab.picture("stays-change")
    change.click()
    stays_so = "The booking stays as it was: the payment was declined."
    expect(page.get_by_text(stays_so)).to_be_visible()
    expect(night(host, 12)).to_have_attribute("data-state", "booked")
    expect(night(host, 13)).to_have_attribute("data-state", "free")

    # and when another pays, it has the nights
    page.get_by_role("button", name="Change nights or guests…").click()
    form.get_by_label("Arrive").fill(date(11))
    form.get_by_label("Leave").fill(date(15))
    form.get_by_label("Guests").fill("3")
    expect(total(page)).to_contain_text("$400")
    change.click()
    expect(page.get_by_text("4 nights, 3 guests, ann")).to_be_visible()
    expect(page.get_by_text(stays_so)).to_be_hidden()
    expect(form).to_be_hidden()
    expect(night(host, 10)).to_have_attribute("data-state", "free")
    expect(night(host, 14)).to_have_attribute("data-state", "booked")
    (trip,) = asked(server, "trips", guest="ann")
    assert (trip["total"], trip["guests"], trip["status"]) == (40_000, 3, "confirmed")


def test_a_host_offers_a_place_and_a_guest_finds_it(
    tab: Tab, second_tab: Tab, server: Server
) -> None:
    offer(server)
    guest = second_tab.open("/stays?as=ann")
    expect(guest.get_by_role("heading", name="1 listing here")).to_be_visible()
    page = tab.open("/stays?as=henry&view=hosting")
    expect(page.get_by_text("henry is not a host")).to_be_visible()

    # when a host offers a place by an id that there is, that is said at the field
    page.get_by_role("button", name="Offer a place…").click()
    form = page.get_by_role("dialog", name="Offer a place")
    typed = {
        "Title": "Loft",
        "City": "Albany",
        "Country": "US",
        "Latitude": "42.6512",
        "Longitude": "-73.7549",
        "Amenities": "wifi\ndesk",
        "Price a night, USD": "85.50",
    }
    for label, text in typed.items():
        form.get_by_label(label).fill(text)
    expect(form.get_by_label("Id")).to_have_value("loft")
    tab.check_accessible()
    tab.picture("stays-offer-place")
    form.get_by_role("button", name="Offer it").click()
    expect(form.get_by_label("Id")).to_have_accessible_description(re.compile("already"))
    expect(form.get_by_label("Amenities")).to_have_value("wifi\ndesk")

    # and by another one it is listed, and found
    form.get_by_label("Id").fill("attic")
    form.get_by_label("Title").fill("Attic")
    form.get_by_label("Cancellation").select_option("Firm")
    form.get_by_role("button", name="Offer it").click()
    expect(page.get_by_role("heading", name="Calendar of Attic")).to_be_visible()
    expect(form).to_be_hidden()
    found = guest.get_by_role("region", name="2 listings here")
    expect(found.get_by_role("listitem").filter(has_text="Attic")).to_contain_text("$85.50")
    facts = asked(server, "listing", listing="attic")
    assert (facts["host"], facts["night_price"], facts["cancellation"]) == ("henry", 8_550, "firm")
    assert (facts["latitude_microdegrees"], facts["amenities"]) == (42_651_200, ["desk", "wifi"])


def test_who_one_is_and_what_one_wishes_is_kept(tab: Tab, server: Server) -> None:
    offer(server)
    page = tab.open("/stays")
    expect(page.get_by_role("heading", name="1 listing here")).to_be_visible()
    heart = page.get_by_role("button", name="Keep Loft on the wish list")
    expect(heart).to_be_disabled()
    page.get_by_role("button", name="Who are you?").click()
    page.get_by_label("Your name, as guest or host").fill("ann")
    page.get_by_role("button", name="Go on").click()
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    page.goto("/stays")
    page.get_by_role("link", name="Wish list").click()
    expect(page.get_by_role("region", name="Wish list")).to_contain_text("Loft")


def test_every_view_is_accessible_and_fits_a_narrow_screen(tab: Tab, server: Server) -> None:
    offer(server)
    hold_as(server, "ann", "b1")
    hold_as(server, "ann", "b2", 15, 17)
    views = {
        "search": ("/stays?as=ann", "heading", "1 listing here"),
        "listing": ("/stays?as=ann&view=listing&listing=loft", "heading", "Loft"),
        "booking": ("/stays?as=ann&view=booking&listing=loft&booking=b1", "timer", ""),
        "trips": ("/stays?as=ann&view=trips", "heading", "To come"),
        "wishes": ("/stays?as=ann&view=wishes", "heading", "News of them"),
        "hosting": ("/stays?as=hanna&view=hosting", "heading", "Calendar of Loft"),
    }
    for name, (path, role, title) in views.items():
        tab.page.set_viewport_size({"width": 1400, "height": 900})
        page = tab.open(path)
        found = page.get_by_role("timer" if role == "timer" else "heading")
        expect(found.filter(has_text=title).last).to_be_visible()
        if name in ("listing", "hosting"):
            expect(night(page, 20)).to_have_attribute("data-state", "free")
        if name == "booking":
            page.get_by_role("button", name="Change nights or guests…").click()
            expect(total(page)).to_contain_text("$300")
        tab.check_accessible()
        tab.check_narrow()
        tab.picture(f"stays-narrow-{name}")
