"""A Redis of one's own for a benchmark: redis-server in a scratch folder, in memory alone, reached
by a Unix socket, which is its fastest way in. The client is redis-py with hiredis, which packs and
reads the protocol in C.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import NOT_RUN

try:
    import redis
except ImportError:
    print("the Redis client is not installed: pip install redis[hiredis]", file=sys.stderr)
    sys.exit(NOT_RUN)

START_S = 10.0


@contextmanager
def running_redis() -> Iterator[tuple[redis.Redis, Path]]:
    """A client of an empty server, and the server's socket; it ends with the block. Exit code
    NOT_RUN where something is missing."""
    server = shutil.which("redis-server")
    if server is None:
        print("redis-server is not installed (Debian: apt install redis-server)", file=sys.stderr)
        sys.exit(NOT_RUN)
    with tempfile.TemporaryDirectory(prefix="refold-redis-") as folder:
        socket = Path(folder) / "redis.sock"
        settings = ("--port", "0", "--unixsocket", str(socket), "--dir", folder)
        unsaved = ("--save", "", "--appendonly", "no")
        process = subprocess.Popen([server, *settings, *unsaved], stdout=subprocess.DEVNULL)
        try:
            client = redis.Redis(unix_socket_path=str(socket))
            _wait(client, process)
            yield client, socket
            client.close()
        finally:
            process.terminate()
            process.wait()


def _wait(client: redis.Redis, process: subprocess.Popen[bytes]) -> None:
    end_s = time.monotonic() + START_S
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if process.poll() is not None or time.monotonic() > end_s:
                raise
            time.sleep(0.01)
