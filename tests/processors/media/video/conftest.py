"""Films that went through the pipeline once, for all tests of what came of it."""

from pathlib import Path

import pytest

from tests.processors.media.video.pipeline import (
    BIG_BUCK_BUNNY,
    FILMED,
    SMALL,
    Finished,
    make_clip,
    run_pipeline,
)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4")


@pytest.fixture(scope="session")
def finished_clip(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return run_pipeline(tmp_path_factory.mktemp("finished"), clip, SMALL)


@pytest.fixture(scope="session", params=["a generated clip", "Big Buck Bunny"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    if request.param == "a generated clip":
        made: Finished = request.getfixturevalue("finished_clip")
        return made
    if not BIG_BUCK_BUNNY.exists():
        pytest.skip(f"there is no {BIG_BUCK_BUNNY}")
    return run_pipeline(tmp_path_factory.mktemp("finished"), BIG_BUCK_BUNNY, FILMED)
