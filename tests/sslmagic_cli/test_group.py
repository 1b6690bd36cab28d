"""group.py: every end of a command is one code and at most one line."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click
import pytest

from sslmagic.errors import ConfigurationError, DecodeError, Reason, UntrustedError
from sslmagic.preamble import Preamble
from sslmagic.wire import encode
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.group import Commands

COMMAND = [sys.executable, "-m", "sslmagic_cli"]

Fails = Callable[..., tuple[int, str, str]]


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs a command that raises, and says how that ended."""

    def fails(error: BaseException, *options: str) -> tuple[int, str, str]:
        @click.command("fail")
        def command() -> NoReturn:
            raise error

        module = types.ModuleType("sslmagic_cli.fail")
        module.command = command  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        group = Commands(
            name="magic",
            modules={"fail": "Fail."},
            params=[click.Option(["--debug"], is_flag=True, expose_value=False)],
        )
        with pytest.raises(SystemExit) as ended:
            group.run([*options, "fail"])
        assert isinstance(ended.value.code, int)
        out, err = capsys.readouterr()
        return ended.value.code, out, err

    return fails


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (CommandError("no room", Exit.CANNOT_CREATE), 73, "no room"),
        (CommandError("nobody answers", Exit.UNAVAILABLE), 69, "nobody answers"),
        (
            DecodeError("octet 47", reason=Reason.FORMAT, offset=3),
            65,
            "octet 47 (at byte 3)",
        ),
        (UntrustedError("not from here", reason=Reason.PEER), 77, "not from here"),
        (ConfigurationError("no format"), 78, "no format"),
        (
            OSError(errno.ENOENT, "No such file", "x"),
            70,
            "a fault of ours: FileNotFoundError: [Errno 2] No such file: 'x'"
            " (magic --debug ... shows where)",
        ),
        (
            ZeroDivisionError("division\nby zero"),
            70,
            "a fault of ours: ZeroDivisionError: division by zero"
            " (magic --debug ... shows where)",
        ),
        (CommandError("a\x1b[2Jb", Exit.DATA), 65, "a\\x1b[2Jb"),
    ],
)
def test_a_failure_is_one_line_and_one_code(
    fails: Fails, error: Exception, code: int, line: str
) -> None:
    assert fails(error) == (code, "", f"magic: {line}\n")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_ctrl_c_needs_no_words(fails: Fails, error: BaseException) -> None:
    assert fails(error) == (Exit.INTERRUPTED, "", "")


def test_a_command_may_end_with_a_code_of_its_own(fails: Fails) -> None:
    assert fails(click.exceptions.Exit(Exit.UNTRUSTED)) == (77, "", "")


def test_debug_puts_the_traceback_in_front(fails: Fails) -> None:
    code, out, err = fails(ZeroDivisionError("division by zero"), "--debug")
    assert (code, out) == (Exit.FAULT, "")
    assert err.startswith("Traceback (most recent call last):\n")
    assert "raise error" in err
    assert err.splitlines()[-1].startswith("magic: a fault of ours: ZeroDivisionError")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--hepl"], "magic: no such option '--hepl'"),
        (["encod"], "magic: no such command 'encod'"),
        (["decode", "--hex"], "magic: option '--hex' requires an argument"),
        (["decode", "a", "b"], "magic: got unexpected extra argument"),
        (["encode", "--format", "proxy3"], "magic: invalid value for '--format'"),
        (["encode", "--tlv", "AUTHORITY"], "magic: invalid value for '--tlv'"),
    ],
)
def test_usage(
    run: Callable[..., tuple[int, bytes, bytes]], arguments: list[str], line: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (Exit.USAGE, b"")
    (said,) = err.decode().splitlines()
    assert said.lower().replace(": --hepl", " '--hepl'").startswith(line)
    assert "--help)" in said


def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    """The pipe is closed before anything is written: there is no race to win."""
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [*COMMAND, "encode", "--local"],
            stdout=theirs,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (Exit.PIPE_CLOSED, b"")


@pytest.mark.parametrize("arguments", [["encode", "--local"], ["--help"]])
def test_a_full_disk_is_named(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=30,
            check=False,
        )
    said = b"magic: standard output: No space left on device\n"
    assert (done.returncode, done.stderr) == (Exit.CANNOT_CREATE, said)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("encode --local >&-", Exit.CANNOT_CREATE, b"standard output is closed"),
        ("decode <&-", Exit.NO_INPUT, b"standard input: Bad file descriptor"),
        ("encode 2>&-", Exit.USAGE, b""),
        ("encode 2>/dev/full", Exit.USAGE, b""),
    ],
)
def test_without_one_of_its_streams(line: str, code: Exit, said: bytes) -> None:
    done = subprocess.run(
        ["bash", "-c", f'exec "$0" -m sslmagic_cli {line}', sys.executable],
        capture_output=True,
        timeout=30,
        check=False,
    )
    expected = b"magic: " + said + b"\n" if said else b""
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", expected)


def test_an_interrupt_while_it_waits_for_octets() -> None:
    """It has answered, and waits for the rest: so the signal hits it in the wait."""
    with subprocess.Popen(
        [*COMMAND, "decode", "--json", "--rest", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin
        assert child.stderr
        child.stdin.write(encode(Preamble.local()))
        child.stdin.flush()
        assert child.stderr.readline().startswith(b'{"format": "magic"')
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (Exit.INTERRUPTED, b"", b"")


def test_a_shell_is_told_the_commands() -> None:
    environment = os.environ | {
        "_MAGIC_COMPLETE": "bash_complete",
        "COMP_WORDS": "magic en",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        COMMAND,
        env=environment,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert b"plain,encode" in done.stdout
