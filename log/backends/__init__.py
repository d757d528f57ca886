"""The backends of the log: memory, file, kafka."""

import time


def wall_clock_ms() -> int:
    """Milliseconds since 1970: the clock that stamps records without a timestamp."""
    return time.time_ns() // 1_000_000
