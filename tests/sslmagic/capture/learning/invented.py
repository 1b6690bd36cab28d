"""Layouts that nobody has, as plain functions: what they write, the learner must find.

They are written without the library's parts on purpose: an error that the parts and the
learner had in common would not show otherwise.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import random
import struct
from collections.abc import Callable
from typing import Literal, NamedTuple

from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint

__all__ = [
    "COUNTERS",
    "FIXED",
    "LATER",
    "STRANGE",
    "Invented",
    "Traffic",
    "random_layout",
]

Write = Callable[[Endpoint, Endpoint, random.Random, int], bytes]
"""Client, where it connected, chance, and the number of the connection -> octets."""


class Invented(NamedTuple):
    """One layout."""

    name: str
    write: Write
    families: tuple[int, ...] = (4, 6)
    is_known: bool = True
    """Whether all of it follows from the two addresses."""


def packed(endpoint: Endpoint) -> bytes:
    return ipaddress.ip_address(endpoint.host).packed


def wide(endpoint: Endpoint) -> bytes:
    octets = packed(endpoint)
    return octets if len(octets) == 16 else bytes(10) + b"\xff\xff" + octets


def little_mix(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Little-endian address and port, and the destination as text."""
    head = b"\x7fLM" + struct.pack("<IH", int(ipaddress.IPv4Address(c.host)), c.port)
    return head + f"<{d.host}>".encode() + struct.pack("<I", d.port)


def hex_text(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """All in hex, as ASCII."""
    family = 4 if len(packed(c)) == 4 else 6
    return (
        f"HX{family}:{packed(c).hex().upper()}:{c.port:04X}/"
        f"{packed(d).hex().upper()}:{d.port:04X};"
    ).encode()


def prefixed(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Strings with their lengths in front."""
    said = [c.host, str(c.port), d.host, str(d.port)]
    return b"\xa5\x01" + b"".join(bytes([len(s)]) + s.encode() for s in said)


def checked_sum(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Binary, with a counter and an octet that is the sum of those in front."""
    body = b"CK" + struct.pack("!I", 1000 + n) + packed(c)
    body += struct.pack("!HH", c.port, d.port)
    return body + bytes([sum(body) & 0xFF])


def number_text(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """The address as one decimal number."""
    number = int(ipaddress.IPv4Address(c.host))
    return f"ip={number}&port={c.port}&id={chance.randrange(10**6)}\n".encode()


def hex_counted(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Text of which the length stands in front, in two digits of hex."""
    said = f" {c.host} {c.port} {d.host} {d.port}"
    return f"L{len(said):02x}{said}".encode()


def trailed(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """Zeros at the end, which are no length of nothing."""
    return b"\xb7" + struct.pack("<I", c.port) + packed(c)[::-1] + bytes(2)


FIXED = (
    Invented("little-mix", little_mix, (4,)),
    Invented("hex-text", hex_text),
    Invented("prefixed", prefixed),
    Invented("checked-sum", checked_sum, (4,), is_known=False),
    Invented("number-text", number_text, (4,), is_known=False),
    Invented("hex-counted", hex_counted),
    Invented("trailed", trailed, (4,)),
)


def counter(
    width: int, order: Literal["big", "little"], *, is_last: bool = False
) -> Invented:
    """A counter of which the high octets change tomorrow, and a family in front."""

    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        count = (70_000 + n) % 256**width
        said: bytes = count.to_bytes(width, order)
        body = packed(c) + struct.pack("!H", c.port)
        head = b"CN" + bytes((len(packed(c)),))
        return head + (body + said if is_last else said + body)

    name = f"counter-{width}-{order}" + "-last" * is_last
    return Invented(name, write, is_known=False)


COUNTERS = (
    counter(3, "big"),
    counter(3, "little"),
    counter(3, "big", is_last=True),
    counter(2, "big"),
    counter(4, "big"),
)


def _later(n: int) -> bool:
    """Whether a connection is of another time than the capture."""
    return n >= LATER


def strange_server(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """The number of a virtual server, one for as long as it is captured."""
    head = b"VS" + struct.pack("!I", 9 if _later(n) else 7)
    return head + packed(c) + struct.pack("!H", c.port)


def strange_version(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """A version of TLS that few clients have."""
    return f"V TLSv1.{2 if _later(n) else 3} {c.host} {c.port}\n".encode()


def strange_flag(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """A flag that is never set while it is captured."""
    return b"W" + bytes((_later(n),)) + packed(c) + struct.pack("!H", c.port)


def strange_cipher(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    """The address with every octet turned over, which no spelling is."""
    host = bytes(octet ^ 0x5A for octet in packed(c))
    return b"XO" + host + struct.pack("!H", c.port)


LATER = 100_000
"""The number of a connection of another day."""
STRANGE = tuple(
    Invented(write.__name__.replace("_", "-"), write, (4,), is_known=False)
    for write in (
        strange_server,
        strange_version,
        strange_flag,
        strange_cipher,
    )
)
"""Layouts that one capture does not show: the right outcome is not to be sure."""


def random_layout(seed: int) -> Invented:
    """Return a layout made by chance: binary or text, with or without a length."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return _binary(seed, chance)
    return _text(seed, chance)


def _binary(seed: int, chance: random.Random) -> Invented:
    order = chance.choice("<>")
    is_wide = chance.random() < 0.4
    signature = bytes([chance.randrange(0x80, 0xF0)]) + chance.randbytes(
        chance.randrange(1, 5)
    )
    pieces = ["c", "cp"]
    if chance.random() < 0.7:
        pieces += ["d", "dp"]
    chance.shuffle(pieces)
    known = True
    for extra in ("literal", "counter", "random", "zeros"):
        if chance.random() < 0.25:
            pieces.insert(chance.randrange(len(pieces) + 1), extra)
            known = known and extra in ("literal", "zeros")
    literal = chance.randbytes(chance.randrange(1, 4))
    port = chance.choice("HHI")
    length = chance.choice((None, "rest", "whole"))
    tail = chance.random() < 0.3 and length is not None

    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        def address(e: Endpoint) -> bytes:
            octets = wide(e) if is_wide else packed(e)
            return octets if order == ">" else octets[::-1]

        made = {
            "c": address(c),
            "d": address(d),
            "cp": struct.pack(order + port, c.port),
            "dp": struct.pack(order + port, d.port),
            "literal": literal,
            "zeros": bytes(2),
            "counter": struct.pack(order + "I", 77 + n),
            "random": chance.randbytes(8),
        }
        body = b"".join(made[piece] for piece in pieces)
        if tail:
            body += chance.randbytes(chance.randrange(12))
        family = b"" if is_wide else (b"\x04" if len(packed(c)) == 4 else b"\x06")
        head = signature + family
        if length:
            whole = len(head) + 2 if length == "whole" else 0
            head += struct.pack(order + "H", len(body) + whole)
        return head + body

    return Invented(f"random-{seed}", write, is_known=known and not tail)


def _text(seed: int, chance: random.Random) -> Invented:
    words = ["c", "cp"]
    if chance.random() < 0.7:
        words += ["d", "dp"]
    chance.shuffle(words)
    known = True
    for extra in ("id", "word", "hexid"):
        if chance.random() < 0.25:
            words.insert(chance.randrange(len(words) + 1), extra)
            known = known and extra == "word"
    glue = chance.choice((" ", ",", ";", "|", "\t"))
    end = chance.choice(("\r\n", "\n", "\0"))
    keyed = chance.random() < 0.5
    front = "".join(chance.choices("ABDEFGHIJKLMNQRSTUVWXYZ", k=chance.randrange(2, 7)))
    form = chance.choice(("plain", "plain", "hex", "full"))
    word = "".join(chance.choices("ghijklmnopqrstuvwxyz", k=4))

    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        def host(e: Endpoint) -> str:
            if form == "hex":
                return packed(e).hex()
            address = ipaddress.ip_address(e.host)
            return address.exploded if form == "full" else str(address)

        def port(e: Endpoint) -> str:
            return f"{e.port:x}" if form == "hex" else str(e.port)

        made = {
            "c": host(c),
            "d": host(d),
            "cp": port(c),
            "dp": port(d),
            "id": str(chance.randrange(10**9)),
            "hexid": chance.randbytes(6).hex(),
            "word": word,
        }
        family = "4" if len(packed(c)) == 4 else "6"
        said = [f"{one}={made[one]}" if keyed else made[one] for one in words]
        return (front + family + glue + glue.join(said) + end).encode()

    return Invented(f"random-{seed}", write, is_known=known)


class Traffic:
    """Samples of a layout: clients that are known, some of them behind NAT, and noise.

    Args:
        nat: the share of clients whose address as known is not what is said.
        noise: connections without a preamble, or with something else.
        odd: those whose client says something in front of its ClientHello.
    """

    def __init__(self, layout: Invented, seed: int) -> None:
        self._layout = layout
        self._chance = random.Random(seed)
        self._number = 0

    def endpoint(self, family: int) -> Endpoint:
        chance = self._chance
        if family == 4:
            host = f"{chance.choice((81, 93, 185, 203))}.{chance.randrange(256)}"
            host += f".{chance.randrange(256)}.{chance.randrange(1, 255)}"
        else:
            number = (0x20010DB8 << 96) | chance.getrandbits(chance.choice((16, 90)))
            host = str(ipaddress.IPv6Address(number | 1))
        return Endpoint(host, chance.randrange(32768, 61000))

    def later(self) -> None:
        """Let another day begin."""
        self._number = LATER

    def fresh(self, family: int) -> Sample:
        """One connection, told as it is."""
        client = self.endpoint(family)
        host = "198.51.100.2" if family == 4 else "2001:db8:ffff::2"
        there = Endpoint(host, self._chance.choice((443, 8443)))
        self._number += 1
        octets = self._layout.write(client, there, self._chance, self._number)
        node = Endpoint("10.0.0.5", 8443)
        return Sample(octets, client, node, Endpoint("10.0.0.1", 40000), there)

    def samples(
        self, each: int, *, nat: float = 0.0, noise: int = 0, odd: int = 0
    ) -> list[Sample]:
        """That many of each family, in the order of chance."""
        found: list[Sample] = []
        for family in self._layout.families:
            for number in range(each):
                sample = self.fresh(family)
                if number < nat * each:
                    client = self.endpoint(family)
                    sample = Sample(
                        sample.octets,
                        client,
                        sample.listener,
                        sample.peer,
                        sample.destination,
                    )
                found.append(sample)
            for number in range(odd):
                sample = self.fresh(family)
                said = (b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n", b"EHLO a\r\n")
                octets = sample.octets + said[number % 2]
                found.append(dataclasses.replace(sample, octets=octets))
            for number in range(noise):
                sample = self.fresh(family)
                octets = b"" if number % 2 else self._chance.randbytes(30 + number)
                found.append(
                    Sample(octets, sample.client, sample.listener, sample.peer)
                )
        self._chance.shuffle(found)
        return found
