"""Kafka's own tools and a broker, through a script that runs them.

The script is named by KAFKA_TOOLS; its verbs are `start [PORT]`, `stop [PORT]`,
`wipe [PORT]` and `tool CLASS ARGUMENTS...`.
"""

import subprocess
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource


class KafkaTools:
    """The script, as functions."""

    def __init__(self, script: Path) -> None:
        self._script = script

    def run(self, *arguments: str, timeout_s: float = 120) -> str:
        """What the script printed. A failure is the test's failure, with what it said."""
        done = subprocess.run(
            [self._script, *arguments],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def dump(self, *options: str, files: list[Path]) -> str:
        """`DumpLogSegments` over the files."""
        names = ",".join(str(file) for file in files)
        return self.run("tool", "kafka.tools.DumpLogSegments", "--files", names, *options)


class Broker:
    """A broker on a port of its own."""

    def __init__(self, tools: KafkaTools, port: int) -> None:
        self._tools = tools
        self._port = str(port)
        self.address = ""

    def start(self) -> str:
        """Its bootstrap address."""
        self.address = self._tools.run("start", self._port).splitlines()[0]
        return self.address

    def stop(self) -> None:
        self._tools.run("stop", self._port)

    def wipe(self) -> None:
        self._tools.run("wipe", self._port)

    def data_folder(self) -> Path:
        """Where it keeps its partitions; ask while it runs."""
        resource = ConfigResource(ConfigResource.Type.BROKER, "1")
        admin = AdminClient({"bootstrap.servers": self.address})
        answer = admin.describe_configs([resource], request_timeout=30)[resource].result(30)
        return Path(answer["log.dirs"].value)
