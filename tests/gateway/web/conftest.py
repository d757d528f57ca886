"""A real server and a real Chromium: pages as people see them.

Chromium is the distribution's own (`apt-get install chromium`); where there is none, these tests
skip and say so.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from tests.gateway.http.conftest import Server, Servers, servers_in

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
DEADLINE_MS = 60_000
PICTURES = Path(os.environ.get("REFOLD_TEST_PICTURES", ""))
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    expect.set_options(timeout=DEADLINE_MS)
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield browser
    browser.close()


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """On a log of its own, `tmp_path`: for tests that end a server and start it again."""
    servers = servers_in(tmp_path)
    yield servers
    servers.close()


@dataclass
class Tab:
    """A page of the browser. Whatever it reports as an error fails the test."""

    page: Page
    url: str
    errors: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(self.url + path)
        expect(self.page.locator("main h1").first).to_be_visible()
        return self.page

    def check_accessible(self) -> None:
        """Nothing serious by axe, in light and in dark."""
        for theme in ("light", "dark"):
            self.page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
            found = Axe().run(self.page).response["violations"]
            serious = [each for each in found if each["impact"] in SERIOUS]
            told = [
                (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
                for each in serious
            ]
            assert not told, f"{theme}: {told}"

    def check_narrow(self) -> None:
        """Usable at 400 px: nothing of the page hangs out at its side."""
        self.page.set_viewport_size({"width": 400, "height": 800})
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 400, f"the page is {wide} px wide"

    def picture(self, name: str) -> None:
        """Kept where REFOLD_TEST_PICTURES names a folder."""
        if PICTURES.name:
            self.page.screenshot(path=PICTURES / f"{name}.png")


def open_tab(browser: Browser, server: Server) -> Tab:
    page = browser.new_page(viewport={"width": 1400, "height": 900}, base_url=server.url)
    page.set_default_timeout(DEADLINE_MS)
    tab = Tab(page, server.url.rstrip("/"), [])
    page.on("pageerror", lambda error: tab.errors.append(str(error)))
    return tab


@pytest.fixture
def server(servers: Servers) -> Server:
    """Of all systems; modules that need others have one of their own."""
    return servers.start()


@pytest.fixture
def tab(browser: Browser, server: Server) -> Iterator[Tab]:
    tab = open_tab(browser, server)
    yield tab
    tab.page.close()
    assert tab.errors == []


@pytest.fixture
def second_tab(browser: Browser, server: Server) -> Iterator[Tab]:
    """Of somebody else: what the first keeps, this one does not know."""
    tab = open_tab(browser, server)
    yield tab
    tab.page.close()
    assert tab.errors == []
