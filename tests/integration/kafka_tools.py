"""Kafka's own tools and brokers, through a script that runs them.

The script is named by KAFKA_TOOLS; its verbs are `start PORT`, `stop PORT`, `kill PORT` and
`tool CLASS ARGUMENTS...`. It keeps Kafka's jars in the folder `libs-VERSION` of KAFKA_HOME, and a
broker in the folder PORT there, where it takes `server.properties` as it finds it.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self
from uuid import uuid4

from processors.core.testing.starting import wait_for_broker

ROOT = Path(__file__).resolve().parents[2]
FIRST_PORT, PORTS = 20_000, 9_000
QUICK_START = {"JDK_JAVA_OPTIONS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"}
"""Half the work at the start: a broker of a test does not live to see what it costs later."""


class KafkaTools:
    """The script, as functions."""

    def __init__(self, script: Path) -> None:
        self._script = script

    @classmethod
    def installed(cls) -> Self | None:
        """None where there is no script or no Java."""
        script = Path(os.environ.get("KAFKA_TOOLS", ROOT.parent / "shared/kafka/broker"))
        return cls(script) if script.exists() and shutil.which("java") else None

    def run(
        self, *arguments: str, timeout_s: float = 120, environment: Mapping[str, str] | None = None
    ) -> str:
        """What the script printed. A failure is the test's failure, with what it said."""
        done = subprocess.run(
            [self._script, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, **(environment or {})},
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def dump(self, *options: str, files: list[Path]) -> str:
        """`DumpLogSegments` over the files."""
        names = ",".join(str(file) for file in files)
        return self.run("tool", "kafka.tools.DumpLogSegments", "--files", names, *options)

    def jars(self) -> Path:
        """The folder of Kafka's jars."""
        home = Path(os.environ.get("KAFKA_HOME", Path.home() / ".cache/kafka-local"))
        if not (folders := list(home.glob("libs-*"))):
            self.run("tool", "kafka.tools.StorageTool", "random-uuid", timeout_s=600)
            folders = list(home.glob("libs-*"))
        return max(folders)


class Broker:
    """A broker of one's own as a process, on ports of its own, with its data in `folder`.

    It is not started yet. What it keeps outlives `stop` and `kill`, until `wipe`. Clients reach it
    by `protocol`; `properties` come on top of its server.properties, `format_options` go to the
    tool that formats its storage.
    """

    def __init__(
        self,
        tools: KafkaTools,
        folder: Path,
        *,
        protocol: str = "PLAINTEXT",
        properties: Mapping[str, str] | None = None,
        format_options: Sequence[str] = (),
    ) -> None:
        port, inner, controller = free_ports(3)
        self.address = f"127.0.0.1:{port}"
        self.inner_address = f"127.0.0.1:{inner}"
        """For itself and for tests that look inside: without a protocol's demands."""
        self._tools, self._home, self._port = tools, folder, str(port)
        self._folder = folder / self._port
        self._format_options = format_options
        listeners = f"CLIENT://{self.address},BROKER://{self.inner_address}"
        self._properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "BROKER",
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "listener.security.protocol.map": (
                f"CLIENT:{protocol},BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            "log.dirs": str(self.data_folder()),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.num.partitions": "4",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            # A killed broker is let in again once the session of its former life has run out.
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
            **(properties or {}),
        }

    def data_folder(self) -> Path:
        """Where it keeps its partitions."""
        return self._folder / "data"

    def start(self) -> str:
        """Its bootstrap address, once it answers; with the data that it had."""
        if not self._folder.exists():
            self._format()
        self._run("start", self._port)
        wait_for_broker(self.inner_address)
        return self.address

    def stop(self) -> None:
        """As an operator does: SIGTERM, and it takes leave."""
        self.resume()
        self._run("stop", self._port)

    def kill(self) -> None:
        """kill -9."""
        self._run("kill", self._port)

    def pause(self) -> None:
        """SIGSTOP: it is there, and does not answer."""
        os.kill(self._process(), signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        os.kill(self._process(), signal.SIGCONT)

    def wipe(self) -> None:
        """Kill it, and delete all it has."""
        if self._folder.exists():
            self.kill()
            shutil.rmtree(self._folder)

    def _process(self) -> int:
        return int((self._folder / "pid").read_text())

    def _format(self) -> None:
        self._folder.mkdir(parents=True)
        jars = self._tools.jars()
        if not (self._home / jars.name).exists():
            (self._home / jars.name).symlink_to(jars)
        properties = self._folder / "server.properties"
        properties.write_text("".join(f"{k}={v}\n" for k, v in self._properties.items()))
        options = ("-t", uuid4().hex[:22], "-c", str(properties), *self._format_options)
        self._run("tool", "kafka.tools.StorageTool", "format", *options)

    def _run(self, *arguments: str) -> None:
        environment = {"KAFKA_HOME": str(self._home), "KAFKA_HEAP": "384m", **QUICK_START}
        self._tools.run(*arguments, environment=environment)


def free_ports(count: int) -> list[int]:
    """Ports that nobody has, below those that the system lends to clients: while a broker is down,
    nobody is to take its own."""
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < count:
            port = FIRST_PORT + secrets.randbelow(PORTS)
            try:
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            ports.append(port)
    return ports
