"""Where the log is and what is kept beside it; what a command without a folder says."""

import subprocess
import sys

import pytest

from gateway.cli.context import Context, load_context
from gateway.cli.outcome import CommandFailed, ExitCode, exit_code_of
from gateway.config import Config
from log.backends.file import FileLog
from log.errors import LogRefused, LogUnavailable
from tests.gateway.cli.conftest import ROOT, Cli

NOWHERE = "kafka://127.0.0.1:1/x"


def test_a_folder_holds_the_log_and_what_is_beside_it(cli: Cli) -> None:
    context = load_context(str(cli.log))
    assert (context.local_folder, context.snapshots) == (cli.log, cli.log / "snapshots")
    with pytest.raises(CommandFailed, match="there is no log in"):
        context.open_log()
    with context.open_log(create=True) as log:
        assert isinstance(log, FileLog)
    context.open_log().close()
    assert context.log_folder("do this") == cli.log


def test_snapshots_may_be_kept_elsewhere(cli: Cli) -> None:
    (cli.folder / "refold.toml").write_text('snapshots = "shots"')
    assert load_context().snapshots == cli.folder / "shots"
    assert Context(Config(snapshots="sqlite:///x")).snapshots == "sqlite:///x"


def test_on_kafka_they_are_in_a_folder_for_the_cluster_and_prefix(cli: Cli) -> None:
    context = load_context(NOWHERE)
    assert context.local_folder.parent == cli.folder / ".refold"
    assert context.snapshots == context.local_folder / "snapshots"
    with pytest.raises(CommandFailed, match="this is for a log in a folder: do this"):
        context.log_folder("do this")


def test_a_file_log_can_be_made_beside_the_local_folder_of_one_on_kafka(cli: Cli) -> None:
    load_context(NOWHERE).local_folder.mkdir(parents=True)
    assert cli("append", "parking").exit_code == 0
    assert cli("doctor").stdout == "healthy\n"


def test_what_is_for_a_folder_says_so(cli: Cli) -> None:
    ended = cli("log", "clean", "--log", NOWHERE)
    assert ended.exit_code == 2
    assert "the brokers clean by themselves, as the topics' settings say" in ended.stderr


def test_a_wrong_setting_of_the_client_is_told_before_anything_is_asked(cli: Cli) -> None:
    ended = cli("log", "topics", "--log", f"{NOWHERE}?clientid=a")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert (
        ended.stderr
        == "error: Kafka's client has no setting 'clientid': did you mean client.id?\n"
    )


def test_a_broker_that_is_away_or_refuses_is_told_by_the_exit_code() -> None:
    assert exit_code_of(LogUnavailable()) == exit_code_of(LogRefused()) == ExitCode.REFUSED


def test_a_log_in_a_folder_loads_nothing_of_kafka(cli: Cli) -> None:
    code = (
        "import sys; from gateway.cli.context import load_context\n"
        "load_context(sys.argv[1]).open_log(create=True).close()\n"
        "print([name for name in sys.modules if 'confluent_kafka' in name])"
    )
    command = [sys.executable, "-c", code, str(cli.log)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
