"""The exchange's page: the story of an order, an auction, a server that dies and comes back."""

import re
import signal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.gateway.http.conftest import Server, Servers, until
from tests.gateway.web.conftest import Tab, open_tab

API = "/api/markets/exchange"
PLACE = f"**{API}/commands/place_order"
DRAWN = """() => new Promise(
    (drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))
)"""


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("exchange")


def send(server: Server, command: str, **fields: Any) -> None:
    answer = server.client.post(f"{API}/commands/{command}", json=fields)
    assert answer.status_code == 200, answer.text


def asked(server: Server, query: str, **arguments: Any) -> Any:
    answer = server.client.get(f"{API}/queries/{query}", params=arguments)
    assert answer.status_code == 200, answer.text
    return answer.json()


def list_acme(server: Server) -> None:
    send(server, "list_instrument", instrument="ACME", price_decimals=2, tick_size=5, lot_size=10)


def place(server: Server, order_id: int, side: str, price: int, **more: Any) -> None:
    fields = {"account_id": 8, "quantity": 100, **more}
    send(
        server,
        "place_order",
        instrument="ACME",
        order_id=order_id,
        side=side,
        price=price,
        **fields,
    )


def open_acme(tab: Tab, account: int = 7) -> Page:
    page = tab.open(f"/exchange?instrument=ACME&account={account}")
    expect(page.get_by_role("heading", level=1)).to_have_text("ACME")
    return page


def panel(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name)


def write(page: Page, side: str, quantity: str, price: str) -> None:
    page.get_by_text(side, exact=True).click()
    page.get_by_label("Price", exact=True).fill(price)
    page.get_by_label(re.compile("^Quantity(, in lots of 10)?$")).fill(quantity)


def press_send(page: Page) -> None:
    page.get_by_role("button", name=re.compile("^(Buy|Sell) [0-9,]* ?ACME")).click()


def choose_account(page: Page, account: int) -> None:
    page.get_by_label("Account").fill(str(account))
    page.get_by_label("Account").press("Enter")


def tell(page: Page, text: str) -> None:
    expect(page.get_by_role("status").filter(has_text=text)).to_be_visible()


def level(page: Page, told: str) -> Locator:
    return page.get_by_role("button", name=re.compile(f"^{told}"))


def rows(page: Page, table: str) -> Locator:
    return page.get_by_role("table", name=table).get_by_role("row")


def test_an_instrument_is_listed_two_accounts_cross_and_all_panels_show_it(tab: Tab) -> None:
    page = tab.open("/exchange")
    page.get_by_role("button", name="Exchange").click()
    page.get_by_role("button", name="List an instrument…").click()
    page.get_by_label("Name").fill("ACME")
    page.get_by_role("button", name="List it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ACME")

    choose_account(page, 7)
    write(page, "Sell", "100", "10.05")
    press_send(page)
    tell(page, "100 on the book")
    expect(level(page, "Offer 10.05, 100 in 1 orders, 100 your own")).to_be_visible()
    expect(rows(page, "Open orders").filter(has_text="10.05")).to_contain_text("100")

    choose_account(page, 8)
    write(page, "Buy", "60", "10.10")
    press_send(page)
    tell(page, "60 traded at 10.05")
    expect(level(page, "Offer 10.05, 40 in 1 orders$")).to_be_visible()
    expect(rows(page, "Trades, newest first").nth(1)).to_contain_text(re.compile("10.05 ?60"))
    chart = page.get_by_role("img", name="Candles of ACME by 1min; the last closed at 10.05")
    expect(chart.locator("canvas").first).to_be_visible()
    expect(page.get_by_text("No open orders.")).to_be_visible()
    page.get_by_role("tab", name="Executions").click()
    expect(rows(page, "Executions, newest first").nth(1)).to_contain_text("taker")

    choose_account(page, 7)
    expect(rows(page, "Executions, newest first").nth(1)).to_contain_text("maker")
    page.get_by_role("tab", name="Open orders").click()
    expect(rows(page, "Open orders").filter(has_text="10.05")).to_contain_text("40")
    tab.picture("exchange")


def test_what_cannot_be_is_said_at_its_field_and_not_sent(tab: Tab, server: Server) -> None:
    list_acme(server)
    page = open_acme(tab)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    write(page, "Buy", "105", "10.02")
    press_send(page)
    expect(page.get_by_label("Price", exact=True)).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_text("the tick is 0.05: 10.00 or 10.05")).to_be_visible()
    expect(page.get_by_text("a multiple of the lot, 10")).to_be_visible()
    page.get_by_label("Price", exact=True).fill("10.0.5")
    press_send(page)
    expect(page.get_by_text("a number with at most 2 decimals")).to_be_visible()
    assert not [url for url in sent if "place_order" in url]


def test_a_rejection_is_shown_at_its_field_and_what_was_typed_stays(
    tab: Tab, server: Server
) -> None:
    list_acme(server)
    place(server, 1, "sell", 1_005)
    page = open_acme(tab)
    write(page, "Buy", "100", "10.05")
    page.locator("summary").click()
    page.get_by_label("Post only").check()
    press_send(page)
    price = page.get_by_label("Price", exact=True)
    expect(price).to_have_attribute("aria-invalid", "true")
    expect(price).to_have_accessible_description(re.compile("post-only at 1005 would trade"))
    expect(price).to_have_value("10.05")
    page.get_by_label("Post only").uncheck()
    page.get_by_label("Show (iceberg)").fill("100")
    page.get_by_label("Hidden").check()
    press_send(page)
    expect(page.get_by_text("what is hidden displays nothing")).to_be_visible()
    page.get_by_label("Hidden").uncheck()
    press_send(page)
    tell(page, "100 traded at 10.05")


def test_an_order_is_replaced_and_cancelled(tab: Tab, server: Server) -> None:
    list_acme(server)
    place(server, 1, "buy", 995, account_id=7)
    place(server, 2, "buy", 990, account_id=7)
    page = open_acme(tab)
    page.get_by_role("button", name="Replace order 1").click()
    dialog = page.get_by_role("dialog", name="Replace order 1")
    dialog.get_by_label("Price").fill("9.97")
    dialog.get_by_role("button", name="Replace", exact=True).click()
    expect(dialog.get_by_text("the tick is 0.05")).to_be_visible()
    dialog.get_by_label("Price").fill("10.00")
    dialog.get_by_role("button", name="Replace", exact=True).click()
    expect(dialog).to_be_hidden()
    expect(level(page, "Bid 10.00, 100 in 1 orders, 100 your own")).to_be_visible()
    page.get_by_role("button", name="Cancel order 1").click()
    expect(level(page, "Bid 10.00")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel order 2")).to_be_visible()
    page.get_by_role("button", name="Cancel all").click()
    page.get_by_role("button", name="Cancel 1 orders now").click()
    expect(page.get_by_text("No open orders.")).to_be_visible()
    assert asked(server, "open_orders", account_id=7) == []


def test_an_order_whose_answer_was_lost_counts_once_however_often_it_is_sent(
    tab: Tab, server: Server
) -> None:
    list_acme(server)
    page = open_acme(tab)
    keys: list[str] = []

    def lose(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(PLACE, lose)
    write(page, "Buy", "100", "9.95")
    press_send(page)
    expect(page.get_by_text("send it again, it counts once")).to_be_visible()
    press_send(page)
    tell(page, "100 on the book")
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert len(asked(server, "open_orders", account_id=7)) == 1
    expect(level(page, "Bid 9.95, 100 in 1 orders")).to_be_visible()


def test_an_auction_shows_what_it_would_give(tab: Tab, server: Server) -> None:
    list_acme(server)
    page = open_acme(tab)
    expect(page.get_by_text("continuous", exact=True)).to_be_visible()
    send(server, "change_phase", instrument="ACME", phase="opening_auction", duration_ms=3_600_000)
    auction = panel(page, "Auction")
    expect(auction.get_by_text("nothing would trade")).to_be_visible()
    place(server, 1, "buy", 1_010, quantity=300)
    place(server, 2, "sell", 1_000, quantity=200)
    expect(auction.locator(".auction-price")).to_have_text(re.compile(r"^10\.[01]"))
    expect(auction.locator(".auction-volume")).to_have_text("200")
    expect(auction.locator(".auction-surplus")).to_have_text("100 to buy")
    tab.check_accessible()
    tab.picture("exchange-auction")
    send(server, "change_phase", instrument="ACME", phase="continuous")
    expect(auction).to_be_hidden()
    page.get_by_role("tab", name="Auctions").click()
    expect(rows(page, "Auctions, latest first").nth(1)).to_contain_text("traded")
    expect(rows(page, "Trades, newest first").nth(1)).to_contain_text("200")


def test_all_is_reached_by_keyboard(tab: Tab, server: Server) -> None:
    list_acme(server)
    send(server, "list_instrument", instrument="BIRCH")
    place(server, 1, "sell", 1_005)
    place(server, 2, "sell", 1_010)
    page = open_acme(tab)
    expect(level(page, "Offer 10.10")).to_be_visible()
    page.keyboard.press("s")
    expect(page.get_by_label("Price", exact=True)).to_be_focused()
    expect(page.get_by_role("button", name="Sell ACME")).to_be_visible()
    page.keyboard.type("9.95")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Price", exact=True)).to_have_value("10.00")
    page.keyboard.press("Escape")
    level(page, "Offer 10.05").focus()
    page.keyboard.press("ArrowUp")
    expect(level(page, "Offer 10.10")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Price", exact=True)).to_have_value("10.10")
    expect(page.get_by_label("Quantity, in lots of 10", exact=True)).to_be_focused()
    page.keyboard.type("20")
    page.keyboard.press("Enter")
    tell(page, "20 on the book")
    page.get_by_label("Quantity, in lots of 10", exact=True).press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keys")).to_be_hidden()
    page.keyboard.press("i")
    page.get_by_role("combobox", name="Search instruments").fill("bir")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("BIRCH")


def test_a_hundred_thousand_trades_are_in_the_table_and_few_in_the_page(
    tab: Tab, server: Server
) -> None:
    list_acme(server)
    for number in range(70):
        place(server, 2 * number, "sell", 1_000, quantity=10)
        place(server, 2 * number + 1, "buy", 1_000, quantity=10)
    until(lambda: len(asked(server, "trades", instrument="ACME", limit=100)) == 70)
    real = asked(server, "trades", instrument="ACME", limit=100)
    before = [{**real[0], "number": -number, "quantity": number} for number in range(99_930)]

    def answer(route: Route) -> None:
        """As if far more had traded before than this test has time for."""
        limit = re.search(r"limit=(\d+)", route.request.url)
        assert limit is not None
        route.fulfill(json=[*real, *before][: int(limit[1])])

    tab.page.route("**/queries/trades?**", answer)
    page = open_acme(tab)
    table = page.get_by_role("table", name="Trades, newest first")
    for count in (1_001, 10_001, 100_001):
        expect(table).to_have_attribute("aria-rowcount", str(count))
        table.evaluate("each => each.scrollTo(0, 1e9)")
    expect(table.get_by_role("row").last).to_contain_text("99,929")
    assert table.get_by_role("row").count() < 120


def test_on_a_narrow_screen_it_is_in_tabs(tab: Tab, server: Server) -> None:
    list_acme(server)
    place(server, 1, "sell", 1_005)
    page = open_acme(tab)
    tab.check_accessible()
    tab.check_narrow()
    for name in ("Trade", "Book", "Chart", "Trades", "Orders"):
        page.get_by_role("tab", name=name, exact=True).click()
        tab.check_narrow()
        tab.check_accessible()
        tab.picture(f"exchange-narrow-{name.lower()}")


def test_after_the_server_died_no_row_is_lost_or_doubled(
    browser: Browser, servers: Servers
) -> None:
    # given a page that shows what has traded
    server = servers.start("exchange")
    port = httpx.URL(server.url).port
    assert port is not None
    list_acme(server)
    for number in range(1, 41):
        cross(server, number)
    tab = open_tab(browser, server)
    page = open_acme(tab)
    expect(rows(page, "Trades, newest first").nth(1)).to_contain_text("400")

    # when the server is killed, and another client sends more than is followed live before it
    # comes back for the page
    page.context.set_offline(True)
    server.end(signal.SIGKILL)
    again = servers.start("exchange", port=port)
    for number in range(41, 141):
        cross(again, number)
    place(again, 9_000, "buy", 900, account_id=7)
    page.context.set_offline(False)

    # then the page has every row of the queries, once
    expect(page.locator(".shell-state")).to_have_attribute("data-state", "open")
    expect(level(page, "Bid 9.00, 100 in 1 orders, 100 your own")).to_be_visible()
    expect(rows(page, "Open orders").filter(has_text="9000")).to_have_count(1)
    expect(page.get_by_role("table", name="Trades, newest first")).to_have_attribute(
        "aria-rowcount", "141"
    )
    trades = asked(again, "trades", instrument="ACME", limit=1_000)
    assert sizes(page, "Trades, newest first", 2) == [each["quantity"] for each in trades]
    page.get_by_role("tab", name="Executions").click()
    until(lambda: len(asked(again, "executions", account_id=7, limit=1_000)) == 140)
    executions = asked(again, "executions", account_id=7, limit=1_000)
    expect(page.get_by_role("table", name="Executions, newest first")).to_have_attribute(
        "aria-rowcount", str(len(executions) + 1)
    )
    found = sizes(page, "Executions, newest first", 4)
    assert found == [each["quantity"] for each in executions]
    page.close()
    assert tab.errors == []


def cross(server: Server, number: int) -> None:
    """A trade of a quantity of its own."""
    place(server, 2 * number, "sell", 1_000, quantity=10 * number)
    place(server, 2 * number + 1, "buy", 1_000, quantity=10 * number, account_id=7)


def sizes(page: Page, table: str, column: int) -> list[int]:
    """The numbers of a column, of all rows: it is scrolled through."""
    body = page.get_by_role("table", name=table)
    read = """([each, column]) => [...each.querySelectorAll(".table-rows .table-row")].map(
        (row) => [Number(row.dataset.index), row.children[column].textContent])"""
    found: dict[int, int] = {}
    top = 0
    while True:
        body.evaluate("(each, top) => each.scrollTo(0, top)", top)
        page.evaluate(DRAWN)
        for index, text in page.evaluate(read, [body.element_handle(), column]):
            found[index] = int(text.replace(",", ""))
        if body.evaluate("(each) => each.scrollTop + each.clientHeight >= each.scrollHeight - 1"):
            break
        top += 200
    return [found[index] for index in range(len(found))]
