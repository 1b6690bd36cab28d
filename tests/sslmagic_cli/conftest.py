"""Two ways to run the command: within this process, and as one of its own."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import NamedTuple

import pytest

from sslmagic_cli.__main__ import magic

COMMAND = [sys.executable, "-m", "sslmagic_cli"]


class Ended(NamedTuple):
    """How a command ended, and what it wrote."""

    code: int
    out: bytes
    err: bytes

    @property
    def complaint(self) -> str:
        """The one line on standard error."""
        assert self.err.endswith(b"\n")
        (line,) = self.err.decode().splitlines()
        return line


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Ended]:
    """Runs a command line in this process, as the console script does."""

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            magic.run(arguments)
        code = ended.value.code
        assert isinstance(code, int)
        out, err = capfdbinary.readouterr()
        return Ended(code, out, err)

    return run


@pytest.fixture
def process() -> Callable[..., Ended]:
    """Runs a command line as a process, with a pipe for its standard input."""

    def process(*arguments: str, octets: bytes = b"") -> Ended:
        done = subprocess.run(
            [*COMMAND, *arguments],
            input=octets,
            capture_output=True,
            timeout=30,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return process


@pytest.fixture
def terminal() -> Callable[..., Ended]:
    """Runs a command line with a terminal for its standard output.

    Standard error is a pipe, unless `whole` has it on the terminal as well.
    """

    def terminal(
        *arguments: str,
        octets: bytes = b"",
        columns: int = 80,
        whole: bool = False,
        **environment: str,
    ) -> Ended:
        ours, theirs = pty.openpty()
        try:
            size = struct.pack("HHHH", 50, columns, 0, 0)
            fcntl.ioctl(theirs, termios.TIOCSWINSZ, size)
            child = subprocess.Popen(
                [*COMMAND, *arguments],
                stdin=subprocess.PIPE,
                stdout=theirs,
                stderr=theirs if whole else subprocess.PIPE,
                env=_environment() | environment,
            )
        finally:
            os.close(theirs)
        with child, os.fdopen(ours, "rb", buffering=0) as screen:
            assert child.stdin
            child.stdin.write(octets)
            child.stdin.close()
            shown = _shown(screen)
            said = child.stderr.read() if child.stderr else b""
            return Ended(child.wait(timeout=30), shown.replace(b"\r\n", b"\n"), said)

    return terminal


def _shown(screen: io.FileIO) -> bytes:
    """What is written to a terminal until nobody has it open any more."""
    shown = bytearray()
    while select.select([screen], [], [], 30)[0]:
        try:
            octets = screen.read(4096)
        except OSError as error:
            # Linux says so instead of giving an end.
            if error.errno == errno.EIO:
                return bytes(shown)
            raise
        shown += octets
    pytest.fail(f"the terminal stays open after {bytes(shown)!r}")


def _environment() -> dict[str, str]:
    """Ours without what would colour or size the output of itself."""
    unwanted = {"COLORTERM", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR"}
    kept = {name: value for name, value in os.environ.items() if name not in unwanted}
    return kept | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
