"""A client, a gateway and a node, each in a network namespace, with wires between them.

    client  203.0.113.9 ──── 198.51.100.2  gateway  192.0.2.2 ──── 192.0.2.10  node

All addresses are those for documentation. What a thread does inside a namespace, a
socket it makes or a process it starts, stays there. Needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from sslmagic.dissect.capturefile import Packet

__all__ = ["CLIENT", "FRONT", "GATEWAY", "NODE", "VLAN", "Namespaces", "Tap"]

CLIENT = {"ipv4": "203.0.113.9", "ipv6": "2001:db8:c::9"}
FRONT = {"ipv4": "198.51.100.2", "ipv6": "2001:db8:f::2"}
GATEWAY = {"ipv4": "192.0.2.2", "ipv6": "2001:db8:b::2"}
NODE = {"ipv4": "192.0.2.10", "ipv6": "2001:db8:b::10"}
VLAN = 10
"""The tag that a tap puts in, where it stands for a trunk of a switch."""

_NEWNET = 0x40000000
_IOCTL = 0x8946
"""SIOCETHTOOL."""
_OFFLOADS = 0x17, 0x19, 0x1F, 0x24, 0x2C
"""Checksums, scatter-gather, segmentation by the card and by the kernel, and its
opposite: with them a capture has checksums and segments that no wire has."""
_TIMESTAMP = 35
"""SO_TIMESTAMPNS."""
_ENDS = (
    # namespace, name, peer namespace, its name, the last octet of the addresses
    ("client", "c0", "gateway", "front0", 1),
    ("gateway", "back0", "node", "n0", 3),
)


class Namespaces:
    """The three namespaces, for as long as the context lasts."""

    def __init__(self) -> None:
        self._names = {
            role: f"sslmagic-{role}-{os.getpid()}"
            for role in ("client", "gateway", "node")
        }
        self._clock = socket.socket(type=socket.SOCK_DGRAM)

    def __enter__(self) -> Self:
        try:
            self._make()
            # The kernel begins to stamp packets a while after it was asked, and stamps
            # those that have no time when they are read: it is asked well before.
            self._clock.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
            time.sleep(0.5)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._clock.close()
        for name in self._names.values():
            if Path("/run/netns", name).exists():
                _ip("netns", "del", name)

    @contextlib.contextmanager
    def inside(self, role: str) -> Iterator[None]:
        """Be in a namespace; only this thread is."""
        library = ctypes.CDLL(None, use_errno=True)
        with Path("/proc/thread-self/ns/net").open() as home:
            with Path("/run/netns", self._names[role]).open() as there:
                if library.setns(there.fileno(), _NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                library.setns(home.fileno(), _NEWNET)

    def _make(self) -> None:
        for name in self._names.values():
            _ip("netns", "add", name)
        for one, name, two, its, number in _ENDS:
            here, there = self._names[one], self._names[two]
            _ip(
                *("link", "add", name, "netns", here, "address", _mac(number)),
                *("type", "veth", "peer", "name", its, "netns", there),
                *("address", _mac(number + 1)),
            )
        for role in self._names:
            _ip("-n", self._names[role], "link", "set", "lo", "up")
        self._address("client", "c0", CLIENT, FRONT)
        self._address("gateway", "front0", FRONT, CLIENT)
        self._address("gateway", "back0", GATEWAY, NODE)
        self._address("node", "n0", NODE, GATEWAY)

    def _address(
        self, role: str, name: str, ours: dict[str, str], theirs: dict[str, str]
    ) -> None:
        space = self._names[role]
        with self.inside(role), socket.socket() as asked:
            for offload in _OFFLOADS:
                value = struct.pack("II", offload, 0)
                buffer = ctypes.create_string_buffer(value, len(value))
                request = struct.pack("16sP8x", name.encode(), ctypes.addressof(buffer))
                with contextlib.suppress(OSError):
                    fcntl.ioctl(asked, _IOCTL, request)
        _ip("-n", space, "addr", "add", f"{ours['ipv4']}/25", "dev", name)
        six = f"{ours['ipv6']}/64"
        _ip("-n", space, "addr", "add", six, "dev", name, "nodad")
        _ip("-n", space, "link", "set", name, "up")
        for family, bits in (("ipv4", 32), ("ipv6", 128)):
            to = f"{theirs[family]}/{bits}"
            _ip("-n", space, "route", "replace", to, "dev", name)


class Tap:
    """What an interface carries, with the times that the kernel gives.

    Args:
        spaces: where it is.
        role: in whose namespace.
        name: the interface.
        vlan: the tag that every frame gets, as on the trunk of a switch of which the
            interface is an access port; None for none. Not every kernel that makes
            namespaces makes VLANs.
    """

    def __init__(
        self, spaces: Namespaces, role: str, name: str, *, vlan: int | None = None
    ) -> None:
        self._vlan = vlan
        with spaces.inside(role):
            kind = socket.htons(3)
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, kind)
            self._socket.bind((name, 3))
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMP, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)

    def packets(self, *, quiet: float = 0.3) -> list[Packet]:
        """Return all TCP and ARP, once there has been nothing more for *quiet* s."""
        now = time.time_ns()
        self._socket.settimeout(quiet)
        found: list[Packet] = []
        with self._socket:
            while True:
                try:
                    octets, auxiliary, _, _ = self._socket.recvmsg(1 << 16, 512)
                except TimeoutError:
                    break
                if _is_wanted(octets):
                    found.append(self._packet(octets, auxiliary))
        assert all(one.time < now for one in found[:5]), (
            "the first packet was not stamped as it came"
        )
        return sorted(found, key=lambda one: one.time)

    def _packet(self, octets: bytes, auxiliary: list[tuple[int, int, bytes]]) -> Packet:
        stamped = {kind: value for _, kind, value in auxiliary}
        seconds, nanoseconds = struct.unpack("qq", stamped[_TIMESTAMP])
        if self._vlan is not None:
            tag = struct.pack("!HH", 0x8100, self._vlan)
            octets = octets[:12] + tag + octets[12:]
        return Packet(seconds * 1_000_000_000 + nanoseconds, octets)


def _is_wanted(octets: bytes) -> bool:
    kind = octets[12:14]
    if kind == b"\x08\x00":
        return octets[23] == socket.IPPROTO_TCP
    if kind == b"\x86\xdd":
        return octets[20] == socket.IPPROTO_TCP
    return kind == b"\x08\x06"


def _mac(number: int) -> str:
    return f"02:00:00:00:00:{number:02x}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, timeout=10)
