"""The root: it starts fast, knows every command, and every command teaches."""

import importlib
import subprocess
import sys

import pytest
import typer

from gateway.cli.main import COMMANDS
from tests.gateway.cli.conftest import ROOT, Cli


def test_help_lists_every_command_and_the_exit_codes(cli: Cli) -> None:
    ended = cli("--help")
    assert ended.exit_code == 0
    for name, (_, line) in COMMANDS.items():
        assert name in ended.stdout
        assert line.split()[0] in ended.stdout
    assert "Exit codes" in ended.stdout
    assert cli().stdout.strip() == ended.stdout.strip()


OF_NO_LOG = ("new", "record", "golden check", "openapi", "http key")
WITHOUT_JSON = ("replay step", "serve", "openapi", "http key")
"""They draw, serve, or print one format."""


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_by_examples(cli: Cli, name: str) -> None:
    module = importlib.import_module(f"gateway.cli.{COMMANDS[name][0]}")
    command = typer.main.get_command(module.app)
    commands = getattr(command, "commands", {"": command})
    for sub, each in commands.items():
        called = f"{name} {sub}".strip()
        assert f"refold {called}" in each.help.partition("Example")[2]
        parameters = {option for parameter in each.params for option in parameter.opts}
        assert "--json" in parameters or called in WITHOUT_JSON, called
        assert "--log" in parameters or called in OF_NO_LOG, called
    assert cli(name, "--help").exit_code == 0


def test_help_needs_none_of_what_the_commands_need() -> None:
    code = (
        "import sys; sys.argv = ['refold', '--help']\n"
        "from gateway.cli.main import main\n"
        "libraries = {'sqlalchemy', 'aiokafka', 'confluent_kafka', 'msgspec'}\n"
        "try: main()\n"
        "finally: print(libraries & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")


def test_an_unknown_command_names_the_nearest(cli: Cli) -> None:
    ended = cli("apend")
    assert (ended.exit_code, "append" in ended.stderr) == (2, True)


def test_a_wrong_setting_is_one_clear_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFOLD_LGO", "x")
    ended = cli("systems")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == (
        "error: the environment sets REFOLD_LGO, which is no setting: did you mean REFOLD_LOG?\n"
    )
