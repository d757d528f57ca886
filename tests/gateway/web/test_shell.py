"""The application: its frame, the theme, and that what is served was built from the sources."""

import hashlib
from pathlib import Path

from playwright.sync_api import expect

from tests.gateway.web.conftest import Tab

WEB = Path(__file__).parents[3] / "gateway" / "web"


def test_what_is_served_was_built_from_the_sources() -> None:
    files = [
        *(each for each in (WEB / "source").rglob("*") if each.is_file()),
        WEB / "package-lock.json",
        WEB / "vite.config.ts",
    ]
    named = {
        each.relative_to(WEB).as_posix(): each for each in files if not each.name.endswith(".d.ts")
    }
    digest = hashlib.sha256()
    for name in sorted(named):
        digest.update(f"{name}\0".encode() + named[name].read_bytes() + b"\0")
    built = (WEB / "built" / "sources.sha256").read_text().strip()
    assert built == digest.hexdigest(), "run `npm run build` in gateway/web"


def test_the_theme_is_chosen_and_kept(tab: Tab) -> None:
    page = tab.open("/")
    page.get_by_role("button", name="Dark theme").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("button", name="Light theme")).to_be_visible()


def test_a_page_that_is_not_there_says_so(tab: Tab) -> None:
    tab.open("/nowhere")
    expect(tab.page.locator("main h1")).to_have_text("There is no such page")
    tab.check_accessible()
