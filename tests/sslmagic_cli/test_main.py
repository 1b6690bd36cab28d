"""__main__.py: the table of commands, and what `magic` says of itself."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import entry_points, version
from typing import Any

import click
import pytest

from sslmagic_cli.__main__ import COMMANDS
from sslmagic_cli.exits import Exit
from tests.sources import Source, sources

Run = Callable[..., Any]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_a_module_and_says_what_the_table_says(name: str) -> None:
    command = importlib.import_module(f"sslmagic_cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str(limit=200) == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_a_value_is_and_not_of_which_type(run: Run, name: str) -> None:
    shown = run(name, "--help").out.decode()
    for jargon in ("INTEGER", "FLOAT", "TEXT  ", "FILENAME", "BOOLEAN", "RANGE"):
        assert jargon not in shown


def test_every_module_with_a_command_is_in_the_table() -> None:
    modules = {
        source.name.partition(".")[2]
        for source in sources()
        if source.name.startswith("sslmagic_cli.") and defines_command(source)
    }
    assert modules == set(COMMANDS)


def defines_command(source: Source) -> bool:
    return any(
        isinstance(node, ast.FunctionDef) and node.name == "command"
        for node in source.tree.body
    )


def test_help_lists_every_command_in_the_order_of_need(run: Run) -> None:
    ended = run("--help")
    assert ended.code == Exit.DONE
    listed = ended.out.decode().partition("Commands:\n")[2].split()
    expected = " ".join(f"{name} {summary}" for name, summary in COMMANDS.items())
    assert " ".join(listed) == expected


def test_help_loads_no_command() -> None:
    code = (
        "import sys\n"
        "from sslmagic_cli.__main__ import magic\n"
        "try: magic.run(['--help'])\n"
        "except SystemExit: sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=30
    )
    loaded = set(done.stderr.decode().split())
    assert loaded & {f"sslmagic_cli.{name}" for name in COMMANDS} == set()
    assert loaded & {"sslmagic", "rich", "json", "importlib.metadata"} == set()


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(run: Run, option: str) -> None:
    ended = run(option)
    assert ended.code == Exit.DONE
    assert ended.out.decode() == f"magic {version('sslmagic')}\n"


def test_alone_it_explains_itself_and_is_no_success(run: Run) -> None:
    ended = run()
    assert ended.code == Exit.USAGE
    assert ended.out == b""
    assert b"Commands:" in ended.err


@pytest.mark.parametrize("name", ["magic", "sslmagic"])
def test_the_console_scripts_are_this_module(name: str) -> None:
    (script,) = entry_points(group="console_scripts", name=name)
    assert script.value == "sslmagic_cli.__main__:main"
    assert callable(script.load())


def test_as_a_module(process: Run) -> None:
    ended = process("--version")
    assert ended.code == Exit.DONE
    assert ended.out.startswith(b"magic ")
