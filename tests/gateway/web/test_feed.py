"""The page of the feed: two people who see each other's posts as they are written."""

import re
import signal
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.gateway.http.conftest import Server, Servers, until
from tests.gateway.web.conftest import Tab, open_tab

API = "/api/social/feed"


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("feed")


def send(server: Server, command: str, **fields: Any) -> None:
    answer = server.client.post(f"{API}/commands/{command}", json=fields)
    assert answer.status_code == 200, answer.text


def write(server: Server, author: str, text: str) -> None:
    send(server, "write_post", author=author, kind="original", text=text)


def register(page: Page, account: str, name: str) -> None:
    page.get_by_label("Account").fill(account)
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text(f"you are @{account}")).to_be_visible()


def post(page: Page, text: str) -> None:
    page.get_by_label("What is happening?").fill(text)
    page.get_by_label("What is happening?").press("Control+Enter")


def shown(page: Page, text: str) -> Locator:
    return page.get_by_role("article").filter(has_text=text)


def figure(page: Page, label: str) -> Locator:
    return page.locator(".feed-figures .figure").filter(has_text=label).locator("strong")


def test_two_accounts_follow_post_like_and_reply_and_see_it_by_themselves(
    tab: Tab, second_tab: Tab
) -> None:
    # given two people who are new here
    ann, bob = tab.open("/feed"), second_tab.open("/feed")
    register(ann, "ann", "Ann")
    register(bob, "bob", "Bob")

    # when ann follows bob, his profile counts it at once
    bob.get_by_role("link", name="Profile").click()
    expect(figure(bob, "followers")).to_have_text("0")
    ann.goto("/feed?view=profile&of=bob")
    ann.get_by_role("button", name="Follow", exact=True).click()
    expect(ann.get_by_role("button", name="Following")).to_be_visible()
    expect(figure(bob, "followers")).to_have_text("1")

    # and what he writes comes to her timeline by itself
    ann.get_by_role("navigation", name="Feed").get_by_role("link", name="Home").click()
    expect(ann.get_by_text("Nothing here yet")).to_be_visible()
    bob.get_by_role("navigation", name="Feed").get_by_role("link", name="Home").click()
    post(bob, "It snows in #albany, @ann!")
    expect(bob.get_by_label("What is happening?")).to_have_value("")
    seen = shown(ann, "It snows in")
    expect(seen).to_have_count(1)
    expect(seen.get_by_role("link", name="#albany")).to_be_visible()

    # then she likes and answers it, and he sees that
    seen.get_by_role("button", name=re.compile("Like")).click()
    expect(seen.get_by_role("button", name="♥ Like 1")).to_have_attribute("aria-pressed", "true")
    seen.get_by_role("button", name=re.compile("Reply")).click()
    ann.get_by_label("Reply to @bob").fill("Bring a sledge")
    seen.get_by_role("button", name="Post", exact=True).click()
    expect(seen.get_by_role("button", name="↩ Reply 1")).to_be_visible()
    bob.get_by_role("link", name="Profile").click()
    expect(figure(bob, "posts")).to_have_text("1")
    liked = shown(bob, "It snows in").first
    expect(liked.get_by_role("button", name=re.compile("Like 1"))).to_be_visible()
    liked.get_by_role("link", name="Thread").click()
    expect(shown(bob, "Bring a sledge")).to_be_visible()
    second_tab.picture("feed-thread")
    bob.get_by_role("link", name="Notifications").click()
    expect(bob.get_by_text("Bring a sledge")).to_be_visible()
    second_tab.picture("feed-notifications")
    tab.picture("feed-home")

    # and a like is known on a page that is opened anew; one that is taken back is gone
    ann.reload()
    seen.get_by_role("button", name="♥ Like 1").click()
    expect(seen.get_by_role("button", name="♡ Like 0")).to_be_visible()


def test_what_is_refused_stays_where_it_was_typed(tab: Tab, server: Server) -> None:
    send(server, "register_account", author="ann")
    page = tab.open("/feed")
    page.get_by_label("Account").fill("ann")
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_label("Account")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Account")).to_have_value("ann")
    page.goto("/feed?as=ann")
    long = "x" * 2_000
    post(page, long)
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("What is happening?")).to_have_value(long)


def test_after_the_server_died_no_post_is_lost_or_doubled(
    browser: Browser, servers: Servers
) -> None:
    # given a page that shows a timeline
    server = servers.start("feed")
    port = httpx.URL(server.url).port
    assert port is not None
    for author in ("ann", "bob"):
        send(server, "register_account", author=author)
    send(server, "follow", author="bob", follower="ann")
    for number in range(5):
        write(server, "bob", f"post {number}.")
    tab = open_tab(browser, server)
    page = tab.open("/feed?as=ann")
    expect(page.get_by_role("article")).to_have_count(5)

    # when the server is killed, and more is written before the page is back
    page.context.set_offline(True)
    server.end(signal.SIGKILL)
    again = servers.start("feed", port=port)
    for number in range(5, 25):
        write(again, "bob", f"post {number}.")
    page.context.set_offline(False)

    # then every post is there, once, latest first, and the next one comes too
    expect(page.locator(".shell-state")).to_have_attribute("data-state", "open")
    texts = page.locator(".feed-text")
    expect(texts).to_have_text([f"post {number}." for number in reversed(range(25))])
    write(again, "bob", "post 25.")
    expect(texts).to_have_text([f"post {number}." for number in reversed(range(26))])
    page.close()
    assert tab.errors == []


def test_what_is_new_waits_while_one_reads(tab: Tab, server: Server) -> None:
    for author in ("ann", "bob"):
        send(server, "register_account", author=author)
    send(server, "follow", author="bob", follower="ann")
    for number in range(30):
        write(server, "bob", f"post {number}.")
    page = tab.open("/feed?as=ann")
    expect(page.get_by_role("article")).to_have_count(30)
    shown(page, "post 0.").scroll_into_view_if_needed()
    before = shown(page, "post 0.").bounding_box()
    write(server, "bob", "The latest.")
    more = page.get_by_role("button", name="1 new post")
    expect(more).to_be_visible()
    assert shown(page, "post 0.").bounding_box() == before
    expect(shown(page, "The latest.")).to_have_count(0)
    more.click()
    expect(shown(page, "The latest.")).to_be_in_viewport()


def test_every_view_is_accessible_and_fits_a_narrow_screen(tab: Tab, server: Server) -> None:
    for author in ("ann", "bob"):
        send(server, "register_account", author=author, name=author.title(), bio="Here.")
    send(server, "follow", author="bob", follower="ann")
    write(server, "bob", "It snows in #albany, @ann!")
    query = f"{API}/queries/posts?author=bob"
    until(lambda: server.client.get(query).text.startswith('[{"'))
    post_id = server.client.get(query).json()[0]["post_id"]
    for name, path in {
        "welcome": "/feed",
        "home": "/feed?as=ann",
        "ranked": "/feed?as=ann&view=ranked",
        "profile": "/feed?as=ann&view=profile&of=bob",
        "hashtag": "/feed?as=ann&view=hashtag&of=albany",
        "thread": f"/feed?as=ann&view=thread&of=bob&post={post_id}",
    }.items():
        tab.page.set_viewport_size({"width": 1400, "height": 900})
        page = tab.open(path)
        if name == "welcome":
            expect(page.get_by_role("button", name="@bob")).to_be_visible()
        else:
            expect(shown(page, "It snows in")).to_be_visible()
        tab.check_accessible()
        tab.picture(f"feed-{name}-dark")
        tab.check_narrow()
        tab.picture(f"feed-narrow-{name}")
