"""How fast totals grow: over a sliding window, and from each sample to the next."""

from collections import deque

WINDOW_S = 10.0
HISTORY = 60
GAP_S = 5.0
"""Nobody has looked for so long: what was before says nothing of now."""


class Rate:
    """Of one total that only grows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self.history: deque[float] = deque(maxlen=HISTORY)
        """A rate a sample."""

    def see(self, now_s: float, total: float) -> None:
        if self._seen:
            last_s, last = self._seen[-1]
            if now_s - last_s > GAP_S or total < last:
                self._seen.clear()
                self.history.clear()
            else:
                self.history.append(round((total - last) / (now_s - last_s), 1))
        self._seen.append((now_s, total))
        while now_s - self._seen[0][0] > WINDOW_S and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def per_s(self) -> float:
        (first_s, first), (last_s, last) = self._seen[0], self._seen[-1]
        return round((last - first) / (last_s - first_s), 2) if last_s > first_s else 0.0
