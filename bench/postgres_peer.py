"""A PostgreSQL of one's own for a benchmark: a server in a scratch folder on the disk of the
working directory, with its defaults, which lose nothing: fsync, synchronous commits, full-page
writes. What helps it is set: more shared buffers, a Unix socket.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.harness import NOT_RUN

try:
    import psycopg
except ImportError:
    print("psycopg is not installed: pip install refold[postgresql]", file=sys.stderr)
    sys.exit(NOT_RUN)

USER = "postgres"
"""Who runs the server where root, as whom it refuses to, starts it."""
CONNECTIONS_MAX = 200
SETTINGS = {
    "listen_addresses": "",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    "max_connections": str(CONNECTIONS_MAX),
}


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if not found and on_path is None:
        print("PostgreSQL is not installed (Debian: apt install postgresql)", file=sys.stderr)
        sys.exit(NOT_RUN)
    return found[-1].parent if found else Path(str(on_path)).parent


@contextmanager
def running_postgres() -> Iterator[str]:
    """How to connect to an empty server, which ends with the block. Exit code NOT_RUN where
    something is missing."""
    binaries, as_user = _binaries(), USER if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix=".bench-postgres-", dir=".")).resolve()
    data = folder / "data"
    if as_user is not None:
        shutil.chown(folder, as_user)
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    with tempfile.TemporaryDirectory(prefix="refold-pg-") as sockets:  # a socket's path is short
        if as_user is not None:
            shutil.chown(sockets, as_user)
        try:
            subprocess.run(
                [binaries / "initdb", "-D", data, "-A", "trust", "-U", "refold"],
                user=as_user,
                cwd=folder,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-k", sockets, *settings],
                user=as_user,
                cwd=folder,
                stderr=subprocess.DEVNULL,
            )
            try:
                subprocess.run(
                    [binaries / "pg_isready", "-h", sockets, "-t", "30", "-q"], check=False
                )
                yield f"host={sockets} user=refold dbname=postgres"
            finally:
                server.terminate()
                server.wait()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def connect(address: str) -> psycopg.Connection:
    """A connection on which every statement is a transaction of its own."""
    return psycopg.connect(address, autocommit=True)
