"""The video page: an upload that is broken off, encoded for real, and watched."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.gateway.http.conftest import Server, Servers, until
from tests.gateway.http.media.conftest import staged
from tests.gateway.web.conftest import Tab
from tests.processors.media.video.pipeline import ffmpeg

ENCODED_MS = 120_000
SLOW_BYTES_PER_S = 60_000
UPLOADS = "/api/media/uploads/queries/uploads?owner=me"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small, and large enough for two renditions."""
    path = tmp_path_factory.mktemp("clip") / "A small clip.mp4"
    picture, tone = "testsrc2=size=640x360:rate=24:duration=6", "sine=duration=6"
    large = ("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "1M", "-pix_fmt", "yuv420p")
    ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", tone, *large, "-c:a", "aac", path)
    return path


@pytest.fixture
def server(servers: Servers) -> Server:
    return servers.start("uploads", "video")


def limit_uploads(page: Page, bytes_per_s: int) -> None:
    """-1: no limit."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    conditions = {"offline": False, "latency": 0, "downloadThroughput": -1}
    session.send(
        "Network.emulateNetworkConditions", {**conditions, "uploadThroughput": bytes_per_s}
    )


def choose(page: Page, file: Path) -> None:
    page.get_by_label("Video files").set_input_files(file)


def until_video(page: Page, holds: str) -> None:
    """Until there is a video element, and something holds of it."""
    shown = f"(video => video !== null && ({holds}))(document.querySelector('video'))"
    until(lambda: page.evaluate(shown))


def test_a_clip_goes_up_with_a_break_is_encoded_and_watched(
    tab: Tab, server: Server, clip: Path
) -> None:
    page = tab.open("/video")
    rows = page.get_by_role("list", name="Uploads").get_by_role("listitem")
    limit_uploads(page, SLOW_BYTES_PER_S)
    choose(page, clip)
    bar = page.get_by_role("progressbar", name=f"Upload of {clip.name}")
    expect(bar).not_to_have_attribute("aria-valuenow", "0")
    until(lambda: any(staged(server)))
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(rows).to_contain_text("paused")
    page.get_by_role("button", name="Resume").click()
    expect(rows).to_contain_text("sending")

    page.reload()
    limit_uploads(page, SLOW_BYTES_PER_S)
    expect(rows).to_contain_text("choose the same file again to go on")
    until(lambda: server.client.get(UPLOADS).json()[0]["offset"] > 0)
    (known,) = server.client.get(UPLOADS).json()
    assert known["state"] == "receiving"
    assert known["offset"] < clip.stat().st_size
    tab.picture("video_uploading")
    limit_uploads(page, -1)
    choose(page, clip)
    watch = page.get_by_role("button", name="Watch")
    watch.click(timeout=ENCODED_MS)
    (stored,) = server.client.get(UPLOADS).json()
    assert (stored["upload"], stored["state"]) == (known["upload"], "stored"), "it went on"

    card = page.get_by_role("link", name="A small clip")
    expect(card).to_have_attribute("aria-current", "true")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    until_video(page, "video.currentTime > 0.5")
    expect(page.get_by_text("1 view")).to_be_visible()
    quality = page.get_by_label("Quality")
    expect(quality.locator("option")).to_have_count(3)
    for name, height in (("240p", 240), ("360p", 360)):
        quality.select_option(label=name)
        until_video(page, f"video.videoHeight === {height}")
    quality.select_option(label="Auto")
    page.keyboard.press("Escape")
    tab.picture("video")


def test_the_player_obeys_its_keys(tab: Tab, clip: Path) -> None:
    page = tab.open("/video")
    choose(page, clip)
    page.get_by_role("button", name="Watch").click(timeout=ENCODED_MS)
    until_video(page, "video.readyState >= 2")
    page.keyboard.press("l")
    until_video(page, "video.currentTime >= 5")
    page.keyboard.press("j")
    until_video(page, "video.currentTime === 0")
    page.keyboard.press("m")
    expect(page.get_by_role("button", name="Sound on")).to_be_visible()
    page.get_by_label("Time", exact=True).hover(position={"x": 200, "y": 6})
    expect(page.locator(".player-preview div")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys of the player")).to_be_visible()
    page.keyboard.press("Escape")
    tab.check_accessible()
    tab.check_narrow()
    tab.picture("video_narrow")


def test_what_is_no_video_is_not_sent(tab: Tab, server: Server, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no film")
    page = tab.open("/video")
    choose(page, tmp_path / "notes.txt")
    expect(page.get_by_role("alert")).to_have_text("notes.txt is no video.")
    assert server.client.get(UPLOADS).json() == []
    tab.check_accessible()


def test_an_upload_is_given_up(tab: Tab, server: Server, clip: Path) -> None:
    page = tab.open("/video")
    limit_uploads(page, SLOW_BYTES_PER_S)
    choose(page, clip)
    bar = page.get_by_role("progressbar", name=f"Upload of {clip.name}")
    expect(bar).not_to_have_attribute("aria-valuenow", "0")
    page.get_by_role("button", name=f"Give up {clip.name}").click()
    expect(page.get_by_text("Nothing was uploaded here yet.")).to_be_visible()
    (row,) = server.client.get(UPLOADS).json()
    assert row["state"] == "terminated"
