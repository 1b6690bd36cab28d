"""Real peers: whether one is installed, and its process from start to end."""

from __future__ import annotations

import errno
import functools
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, NoReturn, Self

import pytest

__all__ = [
    "GO_SOURCES",
    "LOOPBACK",
    "NGINX_STREAM",
    "PEERS",
    "SOURCES",
    "Address",
    "Port",
    "Process",
    "needs",
    "program",
    "version",
]

Address = tuple[str, int]

LOOPBACK = {"ipv4": "127.0.0.1", "ipv6": "::1"}

SOURCES = {"ipv4": "127.0.0.9", "ipv6": "::1"}
"""Where clients connect from: IPv4 has a loopback address that is no proxy's own."""

READY = 15.0
"""Seconds that a peer may take to listen: Debian's slowest here needs 0.3."""

PAUSE = 0.005
"""Seconds between two looks at a process that has no event for what is awaited."""

PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
GO_SOURCES = Path("/usr/share/gocode")
NGINX_STREAM = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


class Peer(NamedTuple):
    """What tells that a peer is here, and what brings it."""

    package: str
    present: Callable[[], bool]
    version: Sequence[str]


def _program(name: str, package: str | None, *version: str) -> Peer:
    return Peer(package or name, lambda: program(name) is not None, (name, *version))


PEERS: Mapping[str, Peer] = {
    "chromium": _program("chromium", None, "--version"),
    "curl": _program("curl", None, "--version"),
    "dumpcap": _program("dumpcap", "wireshark-common", "--version"),
    "haproxy": _program("haproxy", None, "-v"),
    "hitch": _program("hitch", None, "--version"),
    "lua5.4": _program("lua5.4", None, "-v"),
    "nginx": _program("nginx", None, "-v"),
    "nginx-stream": Peer("libnginx-mod-stream", NGINX_STREAM.exists, ("nginx", "-v")),
    "openssl": _program("openssl", None, "version"),
    "strace": _program("strace", None, "-V"),
    "stunnel": _program("stunnel4", None, "-version"),
    "tshark": _program("tshark", None, "--version"),
    "wrk": _program("wrk", None, "-v"),
    "go": _program("go", "golang-go", "version"),
    "go-proxyproto": Peer(
        "golang-github-pires-go-proxyproto-dev",
        (GO_SOURCES / "src/github.com/pires/go-proxyproto").is_dir,
        ("dpkg-query", "-W", "golang-github-pires-go-proxyproto-dev"),
    ),
}


def needs(*names: str) -> None:
    """Skips the test unless these peers are installed.

    With SSLMAGIC_REQUIRE_PEERS=1 a missing peer fails the test instead, so that a
    machine that is meant to have them all cannot pass by skipping.
    """
    missing = {PEERS[name].package for name in names if not PEERS[name].present()}
    if not missing:
        return
    message = f"needs Debian's {', '.join(sorted(missing))}"
    if os.environ.get("SSLMAGIC_REQUIRE_PEERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def program(name: str) -> str | None:
    """The path of a program, also where root's programs are; None if there is none."""
    return shutil.which(name, path=PLACES)


@functools.cache
def _until_we_end() -> Sequence[str]:
    """What starts a program so that it ends with us; util-linux brings it."""
    setpriv = program("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


@functools.cache
def version(name: str) -> str:
    """The first version number that the peer says about itself."""
    said = subprocess.run(
        [program(PEERS[name].version[0]) or "", *PEERS[name].version[1:]],
        check=False,
        text=True,
        timeout=READY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ).stdout
    number = re.search(r"\d+\.\d+[\w.]*", said)
    return number.group() if number else "unknown"


class Port:
    """A port that the kernel chose, held for one peer and for nobody else.

    Most peers cannot take a port of the kernel's choice and say which. A bound socket
    that does not listen keeps the port from every bind and connect that lets the kernel
    choose, and SO_REUSEADDR lets the one process that names it listen there: no race,
    unlike bind, close and hope.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._held = _bindable(host)
        self._held.bind((host, 0))
        self.host = host
        self.number: int = self._held.getsockname()[1]

    @property
    def address(self) -> Address:
        return self.host, self.number

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.number}"

    def listens(self) -> bool:
        """Returns whether somebody listens there."""
        # SO_REUSEADDR lets a port be bound again until somebody listens on it. So it is
        # known without a connection, which a peer would relay, and without the kernel's
        # table, which is long where many connections were closed a moment ago.
        with _bindable(self.host) as probe:
            try:
                probe.bind(self.address)
            except OSError as error:
                return error.errno == errno.EADDRINUSE
        return False

    def close(self) -> None:
        self._held.close()


class Process:
    """One peer's process: it writes to a log, is awaited, and ends by its pid."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        ports: Sequence[Port] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._ports = list(ports)
        self._command = " ".join(map(str, argv))
        self.log = log
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                # A peer must not outlive a test run that is killed.
                [*_until_we_end(), *map(str, argv)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self._pidfd = os.pidfd_open(self._popen.pid)
        try:
            for port in self._ports:
                self.until(port.listens, f"listened on {port}")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._popen.pid

    def said(self) -> str:
        """All that the process has written so far."""
        return self.log.read_text(errors="replace")

    def until_said(self, pattern: str, *, seconds: float = READY) -> re.Match[str]:
        """Waits until the process has written what matches."""
        self.until(
            lambda: re.search(pattern, self.said(), re.MULTILINE),
            f"said {pattern!r}",
            seconds=seconds,
        )
        match = re.search(pattern, self.said(), re.MULTILINE)
        assert match is not None
        return match

    def until(
        self, condition: Callable[[], object], what: str, *, seconds: float = READY
    ) -> None:
        """Waits until `condition` holds; the process's end ends the wait as well."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = select.select([self._pidfd], [], [], PAUSE)[0]
            if ended and not condition():
                self._fail(f"ended with {self._popen.wait()} before it {what}")
            if time.monotonic() > deadline:
                self._fail(f"never {what} in {seconds} s")

    def ended(self, *, seconds: float = READY) -> int:
        """Waits until the process has ended by itself, and returns its exit code."""
        if not select.select([self._pidfd], [], [], seconds)[0]:
            self._fail(f"never ended in {seconds} s")
        return self._popen.wait()

    def end(self, *, seconds: float = 5.0) -> int:
        """Asks the process to end and returns its exit code."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGTERM)
            if not select.select([self._pidfd], [], [], seconds)[0]:
                self._popen.kill()
        return self._popen.wait()

    def close(self) -> None:
        self.end()
        os.close(self._pidfd)
        for port in self._ports:
            port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            error.add_note(self._last_words())
        self.close()

    def _last_words(self) -> str:
        return f"the log of {self._command} ends:\n{self.said()[-2000:]}"

    def _fail(self, what: str) -> NoReturn:
        raise AssertionError(f"{self._command} {what}; {self._last_words()}")


def _bindable(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    stream = socket.socket(family, socket.SOCK_STREAM)
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return stream
