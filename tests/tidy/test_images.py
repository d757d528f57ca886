"""Images are named in one way: `docker-compose.yml` and the tests' own servers agree."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"\$\{(KAFKA_IMAGE|POSTGRES_IMAGE):-([^}]+)\}")


def named_for_tests() -> dict[str, str]:
    """Every image that `images.py` names, under the environment of now."""
    names = runpy.run_path(str(ROOT / "processors/core/testing/images.py"))
    return {name: image for name, image in names.items() if name.endswith("_IMAGE")}


def test_deployment_and_tests_name_the_same_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_IMAGE", raising=False)
    monkeypatch.delenv("POSTGRES_IMAGE", raising=False)
    deployed = dict(NAMED.findall((ROOT / "docker-compose.yml").read_text()))
    assert deployed
    assert named_for_tests() == deployed


def test_the_environment_names_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_IMAGE", "registry.example/kafka:4.2.0")
    assert named_for_tests()["KAFKA_IMAGE"] == "registry.example/kafka:4.2.0"
