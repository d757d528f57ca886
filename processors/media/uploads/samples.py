"""The bytes that the flow's uploads are made of: a few pieces, the same on every machine."""

from hashlib import sha256
from random import Random
from typing import Final

_DRAW = Random(5)
SAMPLES: Final = tuple(_DRAW.randbytes(_DRAW.randrange(100, 4000)) for _ in range(24))
DIGESTS: Final = tuple(sha256(sample).hexdigest() for sample in SAMPLES)
