"""The deployment of `docker-compose.yml`, as a user has it: built, up, driven from the host, down.

Needs Docker, docker-compose, and a base image for the Dockerfile: the published one where it can
be pulled, or the one that PYTHON_IMAGE names.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED_BASE = "python:3.12-slim"
COMMANDS = 20_000
STARTED_S = 180
BUILT_S = 900
FOLLOWED_S = 60
WANTED = {
    "kafka": ["healthy"],
    "postgres": ["healthy"],
    "workers": ["healthy"] * 2,
    "projectors": ["healthy"] * 2,
    "gateway": ["healthy"],
}


def run(
    *command: str | Path, environment: Mapping[str, str], timeout_s: float = 120
) -> subprocess.CompletedProcess[str]:
    """The command, done; a failure is the test's failure, with what was said."""
    done = subprocess.run(
        command,
        env=dict(environment),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done


def succeeds(*command: str) -> bool:
    try:
        return (
            subprocess.run(command, capture_output=True, timeout=300, check=False).returncode == 0
        )
    except FileNotFoundError:
        return False


def compose_command() -> list[str]:
    """Docker's plugin or the program of its own; skips the test where there is neither."""
    if not succeeds("docker", "info"):
        pytest.skip("no Docker: `docker info` fails")
    if succeeds("docker", "compose", "version"):
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        pytest.skip("no docker-compose, and no plugin of docker's")
    return ["docker-compose"]


def base_image() -> str:
    """What the Dockerfile builds on; skips the test where there is none."""
    if given := os.environ.get("PYTHON_IMAGE"):
        return given
    if not succeeds("docker", "image", "inspect", PUBLISHED_BASE):
        pytest.skip(
            f"it builds on {PUBLISHED_BASE}, which takes minutes: `docker pull` that, or name "
            "another by PYTHON_IMAGE"
        )
    return PUBLISHED_BASE


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def health_of(state: Mapping[str, Any]) -> str:
    """What its check says of a container; of one without a check, whether it runs."""
    if "Health" in state:
        return str(state["Health"]["Status"])
    return str(state["Status"])


class Deployment:
    """One project of docker-compose, on ports of its own."""

    def __init__(self) -> None:
        self._compose = compose_command()
        self._kafka_port, self._postgres_port, http_port = free_ports(3)
        self.url = f"http://localhost:{http_port}"
        name = f"refold-test-{uuid.uuid4().hex[:8]}"
        self._environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": name,
            "KAFKA_PORT": str(self._kafka_port),
            "POSTGRES_PORT": str(self._postgres_port),
            "HTTP_PORT": str(http_port),
            "PYTHON_IMAGE": base_image(),
            "WORKER_IMAGE": name,
            "POSTGRES_PASSWORD": "p@ss/word",
        }
        self.image = name

    def compose(self, *arguments: str, timeout_s: float = 120) -> str:
        done = run(*self._compose, *arguments, environment=self._environment, timeout_s=timeout_s)
        return done.stdout

    def docker(self, *arguments: str) -> str:
        return run("docker", *arguments, environment=self._environment).stdout

    def refold(self, *arguments: str, read_models: str = "memory:") -> str:
        """What the command printed that was run on the host, on the deployment's log."""
        environment = {
            **self._environment,
            "REFOLD_PROJECTIONS_URL": read_models,
            "PGPASSWORD": self._environment["POSTGRES_PASSWORD"],
        }
        refold = [sys.executable, "-m", "gateway.cli.main", *arguments]
        log = f"--log=kafka://localhost:{self._kafka_port}"
        return run(*refold, log, environment=environment, timeout_s=300).stdout

    @property
    def postgresql(self) -> str:
        """The read models' database, as seen from the host."""
        return f"postgresql+psycopg://refold@localhost:{self._postgres_port}/refold"

    def containers(self, service: str) -> list[dict[str, Any]]:
        """What Docker knows of a service's containers."""
        ids = self.compose("ps", "-q", service).split()
        return json.loads(self.docker("inspect", *ids)) if ids else []

    def wait_until_healthy(self) -> None:
        """Until every container is; a failure says how each is, and what it wrote."""
        deadline_s = time.monotonic() + STARTED_S
        while True:
            health = {
                service: [health_of(each["State"]) for each in self.containers(service)]
                for service in WANTED
            }
            if health == WANTED:
                return
            assert time.monotonic() < deadline_s, (
                f"{health}\n{self.compose('logs', '--no-color', '--tail=40')}"
            )
            time.sleep(1)


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    deployment = Deployment()
    try:
        deployment.compose("build", "workers", timeout_s=BUILT_S)
        yield deployment
    finally:
        deployment.compose("down", "--volumes", "--remove-orphans")
        subprocess.run(
            ["docker", "image", "rm", deployment.image], capture_output=True, check=False
        )


def trades_in_postgresql(deployment: Deployment) -> list[Any]:
    """Some trades, once the projectors have come so far: nobody else fills the table here."""
    deadline_s = time.monotonic() + FOLLOWED_S
    asked = ("query", "exchange", "trades", "ALDER", "--as-is", "--json")
    while not (trades := json.loads(deployment.refold(*asked, read_models=deployment.postgresql))):
        assert time.monotonic() < deadline_s, deployment.compose("logs", "projectors")
        time.sleep(1)
    return list(trades)


def send(client: httpx.Client, command: str, **body: Any) -> Any:
    """What is answered to a command that the workers decided."""
    body = {"instrument": "ACME", **body}
    answer = client.post(f"/api/markets/exchange/commands/{command}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def check_gateway(deployment: Deployment) -> None:
    """Given a trade that was made over HTTP alone, then it is told at once, and a query over HTTP
    gives what PostgreSQL holds."""
    with httpx.Client(base_url=deployment.url, timeout=FOLLOWED_S) as client:
        send(client, "list_instrument", price_decimals=2, price_max=100_000)
        order = {"price": 995, "quantity": 100}
        send(client, "place_order", order_id=1, account_id=7, side="buy", **order)
        sold = send(client, "place_order", order_id=2, account_id=8, side="sell", **order)
        types = [each["type"] for each in sold["events"]]
        assert [each.partition(".")[0] for each in types] == ["order_accepted", "order_traded"]

        asked = {
            "instrument": "ACME",
            "partition": sold["command"]["partition"],
            "min_sequence": sold["events"][-1]["sequence"],
        }
        told = client.get("/api/markets/exchange/queries/trades", params=asked)
        assert told.status_code == 200, told.text
        (trade,) = told.json()
        assert (trade["price"], trade["quantity"]) == (995, 100)
        held = ("query", "exchange", "trades", "ACME", "--as-is", "--json")
        assert json.loads(deployment.refold(*held, read_models=deployment.postgresql)) == [trade]

        page = client.get("/", follow_redirects=True)
        assert page.headers["content-type"].startswith("text/html")
        other = client.get("/api", headers={"Host": "desk.example.com"})
        assert other.status_code == 421, "a web page that made its own name point here"


def test_a_deployed_exchange_is_driven_from_the_host(deployment: Deployment) -> None:
    inside = deployment.docker(
        "run", "--rm", "--entrypoint", "sh", deployment.image, "-c", "id -u; which cc gcc; true"
    )
    assert inside.split() == ["1000"], "it runs as a user of its own and holds no compiler"

    deployment.compose("up", "--detach", "--no-build", timeout_s=STARTED_S)
    deployment.wait_until_healthy()
    demo = json.loads(deployment.refold("demo", "exchange", f"--commands={COMMANDS}", "--json"))
    assert demo["commands"] == COMMANDS

    deployment.refold("replay", "verify", "exchange")
    assert trades_in_postgresql(deployment)
    check_gateway(deployment)

    refold = ("gateway", "workers", "projectors")
    deployment.compose("stop", *refold, timeout_s=180)
    ended = [
        each["State"]["ExitCode"] for service in refold for each in deployment.containers(service)
    ]
    assert ended == [0] * 5, deployment.compose("logs", "--no-color", "--tail=40")
