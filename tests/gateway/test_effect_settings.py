"""Settings of effects: where they come from; what is wrong is told, and no value shown."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, load_config

TABLE = """
[effects."booking.stays.payments"]
url = "https://payments.example.com"
attempts = 3
token = { env = "PAYMENTS_TOKEN" }
certificate = { file = "certificate.pem" }
"""


def test_texts_numbers_and_secrets_from_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text(TABLE)
    (tmp_path / "certificate.pem").write_text("-----\n")
    config = load_config(environment={"PAYMENTS_TOKEN": "hush"}, folder=tmp_path)
    assert config.effects == {
        "booking.stays.payments": {
            "url": "https://payments.example.com",
            "attempts": "3",
            "token": "hush",
            "certificate": "-----",
        }
    }
    assert "hush" not in repr(config) and "example.com" not in repr(config)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (TABLE, r'effects."booking.stays.payments".token: the environment sets no PAYMENTS_TOKEN'),
        ("[effects.booking.stays]\nurl = 'x'", r"booking is no effect: write \[effects\."),
        ('[effects."a.b"]\nx = { file = "gone" }', r'"a.b".x: cannot read .*gone: No such file'),
        ('[effects."a.b"]\nx = [1]', r'effects."a.b".x: a value is a text or a number'),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "refold.toml").write_text(text)
    with pytest.raises(ConfigError, match=rf"refold\.toml: .*{told}"):
        load_config(environment={}, folder=tmp_path)
