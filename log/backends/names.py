"""What topics and consumer groups may be called."""

import re

from log.errors import InvalidConfig

TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
GROUP_NAME_LENGTH = 80


def check_topic_name(name: str) -> None:
    """As Kafka does. Errors: InvalidConfig."""
    if not TOPIC_NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidConfig(
            f"topic name {name!r}: 1 to 249 of the characters a-z A-Z 0-9 . _ - and not . or .."
        )


def check_group_name(name: str) -> None:
    """Any text that has a length. Errors: InvalidConfig."""
    if not 1 <= len(name.encode(errors="replace")) <= GROUP_NAME_LENGTH:
        raise InvalidConfig(
            f"consumer group name {name!r}: 1 to {GROUP_NAME_LENGTH} bytes as UTF-8"
        )
