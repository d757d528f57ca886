"""ffmpeg and ffprobe as processes of their own: killed where nobody waits for them any more.

Bytes come through a pipe and never lie in a temporary file: where a worker is killed, its ffmpeg
ends at the next byte that nobody reads.
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from processors.core.effect import Refused

LAST_WORDS = 2_000
"""So many bytes of what a program complained of are kept."""
PASSING = (b"No space left on device", b"Cannot allocate memory", b"Resource temporarily")
"""What another attempt may not meet; any other complaint is of the source, and final."""


class ProgramFailed(Exception):
    """It ended with an error, or was killed, and may do better another time."""


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[asyncio.StreamReader]:
    """What the program writes. Once the block is through, it has ended well.

    Errors: Refused where the program refused its input, ProgramFailed.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=DEVNULL, stdout=PIPE, stderr=PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    last_words = asyncio.create_task(_last_of(process.stderr))
    try:
        yield process.stdout
        await process.stdout.read()
        _judge(arguments[0], await process.wait(), await last_words)
    finally:
        await _end(process, last_words)


async def output_of(*arguments: str) -> bytes:
    """All that the program writes. Errors: as `running`."""
    async with running(*arguments) as stream:
        return await stream.read()


async def _last_of(stream: asyncio.StreamReader) -> bytes:
    kept = b""
    while piece := await stream.read(LAST_WORDS):
        kept = (kept + piece)[-LAST_WORDS:]
    return kept


def _judge(program: str, code: int, words: bytes) -> None:
    if code == 0:
        return
    said = " / ".join(words.decode(errors="replace").strip().splitlines()[-3:]) or "nothing"
    what = f"{program} ended with {code} and said: {said}"[:900]
    if code < 0 or any(passing in words for passing in PASSING):
        raise ProgramFailed(what)
    raise Refused(what)


async def _end(process: Process, last_words: asyncio.Task[bytes]) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()
    last_words.cancel()
    await asyncio.gather(last_words, return_exceptions=True)
