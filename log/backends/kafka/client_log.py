"""What Kafka's client logs of its own accord, without the repetitions, and without the loud words
for what is no fault: a writer that a successor has fenced. The writer's own error tells of it.
"""

import logging
import re
import time

SAY_AGAIN_S = 10.0
FENCED = re.compile("fenced by a newer|an old epoch|older epoch")
FAILURE = re.compile(r"(?:FAIL|ERROR) \[.*?\] \[thrd:.*?\]: (?:\S+: )?(.*?)(?: \(after .*)?$")


class Quieter(logging.Filter):
    """While a broker is away each client says so several times a second: one line in 10 s will do,
    whichever client says it."""

    def __init__(self) -> None:
        super().__init__()
        self._said_s: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if FENCED.search(text):
            return False
        failure = FAILURE.match(text)
        if failure is None:
            return True
        now_s = time.monotonic()
        self._said_s = {
            each: said_s for each, said_s in self._said_s.items() if now_s - said_s < SAY_AGAIN_S
        }
        return self._said_s.setdefault(failure[1], now_s) == now_s
