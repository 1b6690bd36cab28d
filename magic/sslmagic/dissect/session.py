"""A TLS session as the octets that both ends really send, for an exchange to carry.

    ClientHello ▶ ◀ the server's flight, Finished ▶ ◀ tickets, request ▶ ◀ answer, close

It is made by Python's `ssl` between two ends in memory. No two are alike, because TLS
draws its own numbers: one that must come again is kept, with `kept` and `Session.of`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from sslmagic.dissect.exchange import Sender, other

__all__ = ["VERSIONS", "Session", "Version", "offered", "sent_name"]

Version = Literal["1.2", "1.3"]
VERSIONS: dict[Version, ssl.TLSVersion] = {
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_LONGEST = 253
"""Octets of the longest name of DNS, without the dot at its end."""


def sent_name(name: str) -> str:
    """Return *name* as a ClientHello says it: in ASCII, `xn--` where it has others.

    Raises:
        ValueError: it is no name of DNS. An IP address is none either, and TLS sends
            no server_name for one.
    """
    try:
        sent = name.encode("idna").decode("ascii")
    except UnicodeError:
        sent = ""
    labels = sent.split(".")
    if (
        len(sent) > _LONGEST
        or not all(map(_LABEL.fullmatch, labels))
        or labels[-1].isdigit()
    ):
        raise ValueError(f"{name!r} is no name of DNS, as a server_name is one")
    return sent


def offered(protocol: str) -> str:
    """Return *protocol*, one that ALPN can offer.

    Raises:
        ValueError: it has not 1 to 255 octets of ASCII.
    """
    if not (protocol.isascii() and 1 <= len(protocol) <= 255):
        raise ValueError(f"{protocol!r} has not 1 to 255 octets of ASCII")
    return protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What both ends said, in turns; the first is the ClientHello."""

    version: Version
    """The one version that the client offers."""
    server_name: str | None
    """The SNI."""
    alpn: tuple[str, ...]
    """The protocols that the client offers."""
    turns: tuple[tuple[Sender, bytes], ...]
    """Who says what; the peer begins."""

    @property
    def hello(self) -> bytes:
        """The records that hold the ClientHello, and nothing else."""
        return self.turns[0][1]

    @classmethod
    def made(
        cls,
        server: ssl.SSLContext,
        *,
        version: Version = "1.3",
        server_name: str | None = "shop.example",
        alpn: Sequence[str] = (),
        request: bytes = b"GET / HTTP/1.0\r\n\r\n",
        answer: bytes = b"HTTP/1.0 200 OK\r\n\r\n",
    ) -> Self:
        """Return a session with *server*, whose certificate nobody verifies.

        Raises:
            ValueError: *server_name* or a protocol of *alpn* cannot be said.
        """
        server_name = None if server_name is None else sent_name(server_name)
        alpn = tuple(map(offered, alpn))
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.minimum_version = client.maximum_version = VERSIONS[version]
        if alpn:
            client.set_alpn_protocols(list(alpn))
        ends = _Ends(client, server, server_name)
        ends.step(("peer", "listener"), lambda end: end.do_handshake())
        ends.step(("peer",), lambda end: end.write(request))
        ends.step(("listener",), lambda end: end.read(65536))
        ends.step(("listener",), lambda end: end.write(answer))
        ends.step(("peer",), lambda end: end.read(65536))
        ends.step(("peer", "listener"), lambda end: end.unwrap())
        return cls(
            version=version,
            server_name=server_name,
            alpn=alpn,
            turns=tuple(ends.turns),
        )

    @classmethod
    def of(cls, kept: dict[str, object]) -> Self:
        """Return the session that `kept` wrote down."""
        turns: list[tuple[Sender, str]] = kept["turns"]  # type: ignore[assignment]
        said: tuple[tuple[Sender, bytes], ...] = tuple(
            (sender, bytes.fromhex(octets)) for sender, octets in turns
        )
        alpn: list[str] = kept["alpn"]  # type: ignore[assignment]
        return cls(
            version=kept["version"],  # type: ignore[arg-type]
            server_name=kept["server_name"],  # type: ignore[arg-type]
            alpn=tuple(alpn),
            turns=said,
        )

    def kept(self) -> dict[str, object]:
        """Return it in values that JSON has."""
        return {
            "version": self.version,
            "server_name": self.server_name,
            "alpn": list(self.alpn),
            "turns": [(sender, octets.hex()) for sender, octets in self.turns],
        }

    def described(self) -> dict[str, object]:
        """Return what a reader sees of its ClientHello, as `magic inspect` says it."""
        return {
            "server_name": self.server_name,
            "alpn": list(self.alpn),
            "versions": ["TLSv" + self.version],
            "early_data": False,
            "length": len(self.hello),
        }


class _Ends:
    """Both ends, and the octets between them."""

    def __init__(
        self, client: ssl.SSLContext, server: ssl.SSLContext, name: str | None
    ) -> None:
        self._in: dict[Sender, ssl.MemoryBIO] = {}
        self._out: dict[Sender, ssl.MemoryBIO] = {}
        for sender in ("peer", "listener"):
            self._in[sender], self._out[sender] = ssl.MemoryBIO(), ssl.MemoryBIO()
        bios = {sender: (self._in[sender], self._out[sender]) for sender in self._in}
        self._end: dict[Sender, ssl.SSLObject] = {
            "peer": client.wrap_bio(*bios["peer"], server_hostname=name),
            "listener": server.wrap_bio(*bios["listener"], server_side=True),
        }
        self.turns: list[tuple[Sender, bytes]] = []

    def step(
        self, senders: Sequence[Sender], act: Callable[[ssl.SSLObject], object]
    ) -> None:
        """Let each do its part until none of them waits for another."""
        left = list(senders)
        while left:
            for sender in list(left):
                try:
                    act(self._end[sender])
                except ssl.SSLWantReadError:
                    pass
                else:
                    left.remove(sender)
                self._note(sender)

    def _note(self, sender: Sender) -> None:
        if octets := self._out[sender].read():
            self._in[other(sender)].write(octets)
            if self.turns and self.turns[-1][0] == sender:
                octets = self.turns.pop()[1] + octets
            self.turns.append((sender, octets))
