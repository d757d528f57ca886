"""Leases in a database: two small tables beside the read models, and the thread that keeps a
member alive.

    refold_members   who lives, and until when, by the database's clock
    refold_leases    who holds what; in force while the holder is a member

A member that stays silent is struck off by the others, and at once where it was of a process of
the same machine that is no more: who was killed and started again need not wait. On PostgreSQL
they also end its sessions (those of the same database user), so that a process that stands still
in the middle of a transaction holds nobody up. A SQLite file has no such means: there, the others
wait for it.
"""

import contextlib
import os
import secrets
import socket
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sql
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from projections.core.errors import StoreError, StoreUnavailable
from projections.core.leases import (
    BEATS_PER_LEASE,
    Lease,
    LeaseLost,
    fair_shares,
    partition_lease,
)
from projections.core.sql_tables import METADATA

if TYPE_CHECKING:
    from projections.core.sql_store import SqlStore

MEMBERS = sql.Table(
    "refold_members",
    METADATA,
    sql.Column("topic", sql.Text, primary_key=True),
    sql.Column("member", sql.Text, primary_key=True),
    sql.Column("takes_share", sql.Boolean, nullable=False),
    sql.Column("expires_at_ms", sql.BigInteger, nullable=False),
)
LEASES = sql.Table(
    "refold_leases",
    METADATA,
    sql.Column("topic", sql.Text, primary_key=True),
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("holder", sql.Text, nullable=False),
    sql.Column("epoch", sql.BigInteger, nullable=False),
)
NOBODY = ""
HOST_CHARACTERS = 24
"""Of a host's name in a member's: PostgreSQL keeps 63 characters of a session's name."""


class NowMs(FunctionElement[int]):
    """The database's clock, as it is when the statement runs."""

    type = sql.BigInteger()
    inherit_cache = True


@compiles(NowMs, "postgresql")
def _now_on_postgresql(element: NowMs, compiler: Any, **options: Any) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


@compiles(NowMs, "sqlite")
def _now_on_sqlite(element: NowMs, compiler: Any, **options: Any) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"


class Member(NamedTuple):
    """A row of `refold_members`."""

    name: str
    takes_share: bool
    expires_at_ms: int


def new_member_name() -> str:
    return f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"


def is_gone(member: str) -> bool:
    """Whether it was of a process of this machine that is no more."""
    machine, process, _token = member.rsplit("-", 2)
    if machine != _machine():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # somebody else's
        return False
    return False


def _machine() -> str:
    """As far as process numbers go: a container has some of its own."""
    host = f"refold-{socket.gethostname()[:HOST_CHARACTERS]}"
    try:
        return f"{host}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return host


def members_of(topic: str) -> sql.Executable:
    """The members that live: their names, whether they take a share, until when."""
    columns = MEMBERS.c
    return sql.select(columns.member, columns.takes_share, columns.expires_at_ms).where(
        columns.topic == topic, columns.expires_at_ms >= NowMs()
    )


class LeaseCheck:
    """The statement by which a transaction makes sure of its lease, until it ends: whoever wants
    the lease waits for it. On PostgreSQL it also calls its session by the holder's name."""

    def __init__(self, topic: str, dialect: sql.Dialect) -> None:
        holder = sql.bindparam("of_holder", type_=sql.Text)
        named = _session_name(holder) if dialect.name == "postgresql" else sql.literal(1)
        self._statement = (
            sql.select(named)
            .select_from(LEASES.join(MEMBERS, MEMBERS.c.member == LEASES.c.holder))
            .where(
                LEASES.c.topic == topic,
                LEASES.c.name == sql.bindparam("of_name"),
                LEASES.c.holder == holder,
                LEASES.c.epoch == sql.bindparam("of_epoch"),
                MEMBERS.c.topic == topic,
                MEMBERS.c.expires_at_ms >= NowMs(),
            )
            .with_for_update(read=True, of=LEASES)
        )

    def __call__(self, connection: sql.Connection, lease: Lease | None) -> None:
        """LeaseLost where it is not in force; None stands for no lease at all."""
        if lease is None:
            return
        values = {"of_name": lease.name, "of_holder": lease.holder, "of_epoch": lease.epoch}
        if connection.execute(self._statement, values).first() is None:
            raise LeaseLost


def _session_name(member: sql.ColumnElement[str] | str) -> sql.ColumnElement[str]:
    """Calls the session by this name until the transaction ends."""
    return sql.func.set_config("application_name", member, True)


class SqlMembership:
    """See `leases.Membership`. Takes a share of so many partitions; of none, it is there for
    other leases alone."""

    def __init__(self, store: "SqlStore", partitions: int, lease_s: float) -> None:
        self.name = new_member_name()
        self.held: dict[int, Lease] = {}
        self._store = store
        self._topic = store.catalog.topic
        self._partitions = partitions
        self._interval_s = lease_s / BEATS_PER_LEASE
        self._due_s = 0.0
        self._on_postgresql = store.engine.dialect.name == "postgresql"
        insert = postgresql.insert if self._on_postgresql else sqlite.insert
        born = insert(MEMBERS).values(
            topic=self._topic,
            member=self.name,
            takes_share=partitions > 0,
            expires_at_ms=NowMs() + int(lease_s * 1000),
        )
        self._live = born.on_conflict_do_update(
            index_elements=[MEMBERS.c.topic, MEMBERS.c.member],
            set_={"expires_at_ms": born.excluded.expires_at_ms},
        )
        self._beat()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._keep_alive, name="refold-lease", daemon=True)
        self._thread.start()

    # -- living -----------------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        while not self._left.wait(self._interval_s):
            with contextlib.suppress(StoreError):  # the worker itself will see it
                self._beat()

    def _beat(self) -> None:
        """Say that this member lives, and strike off those that have not for too long."""
        with self._store.at_once() as connection:
            connection.execute(self._live)
        with self._store.at_once() as connection:
            found = connection.execute(members_of(self._topic))
            gone = [row.member for row in found if is_gone(row.member)]
            connection.execute(self._strike_off(gone))

    def _strike_off(self, gone: Collection[str]) -> sql.Executable:
        is_silent = MEMBERS.c.expires_at_ms < NowMs()
        silent = sql.delete(MEMBERS).where(
            MEMBERS.c.topic == self._topic, is_silent | MEMBERS.c.member.in_(gone)
        )
        if not self._on_postgresql:
            return silent
        dead = silent.returning(MEMBERS.c.member).cte("dead")
        sessions = sql.table("pg_stat_activity", sql.column("pid"), sql.column("application_name"))
        return sql.select(sql.func.pg_terminate_backend(sessions.c.pid)).where(
            sessions.c.application_name.in_(sql.select(dead.c.member))
        )

    def fall_silent(self) -> None:
        """Say no more that this member lives."""
        self._left.set()
        self._thread.join()

    def leave(self) -> None:
        self.fall_silent()
        self.held = {}
        own = MEMBERS.c.topic == self._topic, MEMBERS.c.member == self.name
        with contextlib.suppress(StoreError), self._store.at_once() as connection:
            connection.execute(sql.delete(MEMBERS).where(*own))

    # -- sharing ----------------------------------------------------------------------------------

    def look(self) -> bool:
        now_s = time.monotonic()
        if now_s < self._due_s:
            return False
        self._due_s = now_s + self._interval_s
        try:
            with self._sharing() as connection:
                held = self._share(connection)
        except StoreUnavailable:
            held = None
        if held is None:  # struck off meanwhile: come back as if new
            self._beat()
            self._due_s = 0.0
        self.held = held or {}
        return True

    def lose(self, number: int) -> None:
        self.held.pop(number, None)
        self._due_s = 0.0

    def take(self, name: str) -> Lease | None:
        with self._sharing() as connection:
            found = self._leases(connection).get(name)
            if found is not None and found.holder in self._members(connection):
                return None
            return self._take(connection, name, found)

    def give_back(self, lease: Lease) -> None:
        with self._sharing() as connection:
            self._give_back(connection, lease)

    def holder(self, name: str) -> tuple[str, int] | None:
        with self._sharing() as connection:
            found = self._leases(connection).get(name)
            member = self._members(connection).get(found.holder) if found else None
        return None if member is None else (member.name, member.expires_at_ms)

    @contextmanager
    def _sharing(self) -> Iterator[sql.Connection]:
        """A transaction that changes who holds what; one member at a time."""
        with self._store.writing() as connection:
            if self._on_postgresql:
                connection.execute(sql.select(_session_name(self.name)))
                connection.exec_driver_sql("LOCK TABLE refold_leases IN SHARE ROW EXCLUSIVE MODE")
            yield connection

    def _share(self, connection: sql.Connection) -> dict[int, Lease] | None:
        """What this member holds from now on; None where it is no member any more."""
        members, leases = self._members(connection), self._leases(connection)
        counts = {name: 0 for name, member in members.items() if member.takes_share}
        if self.name not in counts:
            return None
        held: dict[int, Lease] = {}
        free: list[int] = []
        for number in range(self._partitions):
            lease = leases.get(partition_lease(number))
            if lease is None or lease.holder not in members:
                free.append(number)
                continue
            if lease.holder in counts:
                counts[lease.holder] += 1
            if lease.holder == self.name:
                held[number] = lease
        share = fair_shares(counts, self._partitions)[self.name]
        for number in list(held)[share:]:
            self._give_back(connection, held.pop(number))
        for number in free[: share - len(held)]:
            name = partition_lease(number)
            held[number] = self._take(connection, name, leases.get(name))
        return held

    def _members(self, connection: sql.Connection) -> dict[str, Member]:
        rows = connection.execute(members_of(self._topic))
        return {name: Member(name, takes_share, until) for name, takes_share, until in rows}

    def _leases(self, connection: sql.Connection) -> dict[str, Lease]:
        query = sql.select(LEASES.c.name, LEASES.c.holder, LEASES.c.epoch)
        rows = connection.execute(query.where(LEASES.c.topic == self._topic))
        return {name: Lease(name, holder, epoch) for name, holder, epoch in rows}

    def _take(self, connection: sql.Connection, name: str, found: Lease | None) -> Lease:
        """On PostgreSQL this waits for a transaction under the lease, if one is on."""
        lease = Lease(name, self.name, found.epoch + 1 if found else 1)
        statement: sql.Insert | sql.Update = (
            sql.update(LEASES).where(LEASES.c.topic == self._topic, LEASES.c.name == name)
            if found
            else sql.insert(LEASES)
        )
        values = {"topic": self._topic, **lease._asdict()}
        connection.execute(statement.values(values))
        return lease

    def _give_back(self, connection: sql.Connection, lease: Lease) -> None:
        held = (
            LEASES.c.topic == self._topic,
            LEASES.c.name == lease.name,
            LEASES.c.holder == lease.holder,
            LEASES.c.epoch == lease.epoch,
        )
        connection.execute(sql.update(LEASES).where(*held).values(holder=NOBODY))
