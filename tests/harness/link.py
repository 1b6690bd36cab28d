"""A host of its own in a network namespace, and the link to it.

    ours: listeners, an address      veth      theirs: no address, a raw packet socket

The host's kernel has no address there, so it answers nothing; ours is told where the
host is. Nothing has a name outside this process, and all of it is gone with the socket.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Self

import pytest

from tests.harness.frames import Route
from tests.interop.peers import program

__all__ = ["Link", "LinkError", "linked", "needs_link"]

_NEW_NETWORK = 0x40000000
_SIOCSIFFLAGS, _UP = 0x8914, 1
_RCVBUFFORCE = 33
_BUFFER = 64 << 20
_SECONDS = 20.0


class LinkError(Exception):
    """There can be no link here: what is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The link to a host that answers nothing by itself."""

    socket: socket.socket
    """Reads and writes frames at the host's end."""
    routes: dict[int, Route]
    """The host's way to us, over IPv4 and over IPv6."""

    def ours(self, version: int) -> str:
        """The address on which our listeners are reached."""
        return self.routes[version].hosts[1]


def needs_link() -> None:
    """Skips the test unless a link can be made, or fails it where peers must be."""
    try:
        _check()
    except LinkError as error:
        if os.environ.get("SSLMAGIC_REQUIRE_PEERS") == "1":
            pytest.fail(str(error))
        pytest.skip(str(error))


@contextlib.contextmanager
def linked() -> Iterator[Link]:
    """Make a host and the link to it.

    Raises:
        LinkError: there is no permission, or no `ip`.
    """
    _check()
    ours, theirs = f"sm{os.getpid()}a", f"sm{os.getpid()}b"
    with _Namespace() as namespace:
        _ip("link", "add", ours, "type", "veth", "peer", "name", theirs)
        try:
            _ip("link", "set", theirs, "netns", namespace.path)
            packets = namespace.packets(theirs)
            with contextlib.closing(packets):
                mac = packets.getsockname()[4].hex(":")
                routes = _addressed(ours, mac)
                yield Link(socket=packets, routes=routes)
        finally:
            # The namespace takes its end along only when the kernel comes to it.
            with contextlib.suppress(LinkError):
                _ip("link", "delete", ours)


def _check() -> None:
    if program("ip") is None:
        raise LinkError("needs Debian's iproute2")
    with _Namespace():
        pass


def _addressed(device: str, mac: str) -> dict[int, Route]:
    """Give our end its addresses, and say where the host is."""
    number = os.getpid() % 512
    # 198.18.0.0/15 is for tests between devices (RFC 2544).
    net4 = f"198.{18 + number // 256}.{number % 256}"
    net6 = f"fd53:5353:{number:x}:"
    own = Path(f"/sys/class/net/{device}/address").read_text("ascii").strip()
    _ip("address", "add", f"{net4}.1/24", "dev", device)
    _ip("-6", "address", "add", f"{net6}:1/64", "dev", device, "nodad")
    _ip("link", "set", device, "up")
    routes = {
        4: Route((mac, own), (f"{net4}.2", f"{net4}.1")),
        6: Route((mac, own), (f"{net6}:2", f"{net6}:1")),
    }
    for route in routes.values():
        fixed = ("lladdr", mac, "dev", device, "nud", "permanent")
        _ip("neighbour", "replace", route.hosts[0], *fixed)
    return routes


class _Namespace:
    """A thread in a network namespace of its own, which opens sockets there."""

    def __init__(self) -> None:
        self._tasks = threading.Semaphore(0)
        self._done = threading.Semaphore(0)
        self._device: str | None = None
        self._packets: socket.socket | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self.path = ""

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._device = None
        self._tasks.release()
        self._thread.join(_SECONDS)

    def packets(self, device: str) -> socket.socket:
        """Bring the device up, and return a socket that has its frames."""
        self._device = device
        self._tasks.release()
        self._wait()
        assert self._packets is not None
        return self._packets

    def _wait(self) -> None:
        if not self._done.acquire(timeout=_SECONDS):
            self._fail("a thread in a namespace of its own does not answer")
        if self._error is not None:
            error, self._error = self._error, None
            self._thread.join(_SECONDS)
            self._fail(str(error))

    def _fail(self, what: str) -> NoReturn:
        raise LinkError(f"needs root, for a network namespace of its own: {what}")

    def _live(self) -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.unshare(_NEW_NETWORK):
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            self.path = f"/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net"
            self._done.release()
            while True:
                self._tasks.acquire()
                if self._device is None:
                    return
                self._packets = _packets(self._device)
                self._done.release()
        except OSError as error:
            self._error = error
            self._done.release()


def _packets(device: str) -> socket.socket:
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    request = struct.pack("16sH14x", device.encode(), _UP)
    fcntl.ioctl(packets, _SIOCSIFFLAGS, request)
    packets.bind((device, 0))
    packets.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
    packets.setblocking(False)
    return packets


def _ip(*arguments: str) -> None:
    said = subprocess.run(
        [program("ip") or "ip", *arguments],
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_SECONDS,
    )
    if said.returncode:
        raise LinkError(f"ip {' '.join(arguments)}: {said.stdout.strip()}")
