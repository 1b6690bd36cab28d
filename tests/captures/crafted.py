"""The captures that are crafted: each a few connections, and what is said of them.

What a reader must say is known from what was made: a fault's verdict is stated in
sslmagic.dissect.faults, the verdict on a vector in the vector. No reader is asked.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import ARP, Ether

from sslmagic.block import Endpoint
from sslmagic.dissect import capturefile, packets
from sslmagic.dissect.capturefile import Packet
from sslmagic.dissect.exchange import Exchange
from sslmagic.dissect.faults import FAULTS
from sslmagic.dissect.packets import LINKS, Path
from sslmagic.dissect.recipe import Connection, Recipe
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS
from tests.captures.sessions import session
from tests.vectors.vector import raw

__all__ = ["CRAFTED", "Crafted"]

PEER, NODE = Endpoint("192.0.2.2", 40112), Endpoint("192.0.2.10", 8443)
PEER6, NODE6 = Endpoint("2001:db8:b::2", 40112), Endpoint("2001:db8:b::10", 8443)
PATH = Path(peer=PEER, listener=NODE)
PATH6 = Path(peer=PEER6, listener=NODE6)
CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
CLIENT6 = Preamble(source=("2001:db8:c::9", 51234), destination=("2001:db8:f::2", 443))
TLVS = (TLV(1, b"h2"), TLV(2, b"shop.example"), TLV(5, b"probe-17"))
TAGGED = Preamble(source=CLIENT.source, destination=CLIENT.destination, tlvs=TLVS)
PLAIN = Recipe(path=PATH, preamble=CLIENT, session=session())
EPOCH = Exchange().begins
SECOND = 1_000_000_000
APART = 10 * SECOND


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Crafted:
    """One capture to be made."""

    about: str
    connections: list[Connection]
    snaplen: int = 0
    noise: Callable[[], Iterator[Packet]] | None = None
    """Packets that are none of a connection's."""
    reader: dict[str, Any] = dataclasses.field(default_factory=dict)

    def octets(self) -> bytes:
        """The file."""
        link = LINKS[self.connections[0].path.link]
        made = packets.packed((one.exchange, one.path) for one in self.connections)
        if self.noise:
            made = iter(sorted([*made, *self.noise()], key=lambda one: one.time))
        stream = io.BytesIO()
        capturefile.write(
            stream, made, link=link, snaplen=self.snaplen, comment=self.about
        )
        return stream.getvalue()

    def said(self) -> dict[str, Any]:
        """What stands beside it."""
        said: dict[str, Any] = {"about": self.about, "kind": "crafted"}
        said["made_by"] = "tests/captures/crafted.py"
        if self.reader:
            said["reader"] = self.reader
        said["connections"] = [
            {"number": number, **one.expected}
            for number, one in enumerate(self.connections, 1)
        ]
        return said


def several(*recipes: Recipe, apart: int = APART) -> list[Connection]:
    """Connections one after the other, each from a port of its own."""
    return [
        dataclasses.replace(
            recipe,
            path=dataclasses.replace(
                recipe.path,
                peer=Endpoint(recipe.path.peer.host, recipe.path.peer.port + number),
            ),
            seed=number,
            begins=EPOCH + number * apart,
        ).made()
        for number, recipe in enumerate(recipes)
    ]


def one(about: str, *recipes: Recipe, **more: Any) -> Crafted:
    return Crafted(about=about, connections=several(*recipes), **more)


def in_every_format(**changes: Any) -> list[Recipe]:
    return [dataclasses.replace(PLAIN, format=format, **changes) for format in FORMATS]


def faults() -> Iterator[tuple[str, Crafted]]:
    for fault, format in itertools.product(FAULTS.values(), FORMATS):
        if format in fault.formats:
            recipe = dataclasses.replace(PLAIN, format=format, fault=fault.name)
            reader = {"protocol": "ssl"} if fault.name == "hello" else {}
            about = f"{format}: {fault.about}"
            yield f"{format}-{fault.name}", one(about, recipe, reader=reader)


def links() -> Iterator[tuple[str, Crafted]]:
    both = [(PATH, CLIENT), (PATH6, CLIENT6)]
    for link in LINKS:
        recipes = [
            dataclasses.replace(
                PLAIN, path=dataclasses.replace(path, link=link), preamble=client
            )
            for path, client in both
        ]
        yield f"link-{link}", one(f"IPv4 and IPv6 on {link}", *recipes)
    for name, vlans in {"vlan": (10,), "qinq": (100, 10)}.items():
        recipes = [
            dataclasses.replace(
                PLAIN, path=dataclasses.replace(path, vlans=vlans), preamble=client
            )
            for path, client in both
        ]
        tags = " in ".join(map(str, reversed(vlans)))
        yield f"link-{name}", one(f"IPv4 and IPv6 in VLAN {tags}", *recipes)
    recipes = [
        dataclasses.replace(
            PLAIN, path=dataclasses.replace(path, fragments=48), preamble=client
        )
        for path, client in both
    ]
    yield "fragments", one("IP in fragments of 48 octets", *recipes)


def disorders() -> Iterator[tuple[str, Crafted]]:
    for name, about, changes in (
        ("split-octets", "every octet in a segment of its own", {"octetwise": True}),
        ("split-odd", "segments of 1, 5, 7, 2 and 300", {"sizes": (1, 5, 7, 2, 300)}),
        ("reordered", "the preamble's segments in disorder", {"reordered": True}),
        ("duplicated", "the preamble's segments twice", {"duplicated": True}),
        ("retransmitted", "the preamble sent again", {"retransmitted": True}),
        (
            "overlapping",
            "each segment says the last octets again",
            {"overlapping": True},
        ),
        (
            "disturbed",
            "overlapping, sent again, twice, and in disorder",
            {
                "overlapping": True,
                "retransmitted": True,
                "duplicated": True,
                "reordered": True,
            },
        ),
        (
            "wrapped",
            "sequence numbers that wrap in the preamble",
            {"initial": 2**32 - 9},
        ),
    ):
        yield name, one(about, *in_every_format(**changes))


def situations() -> Iterator[tuple[str, Crafted]]:
    tls13 = dataclasses.replace(PLAIN, session=session("1.3"))
    yield "plain", one("what all others are changed from", *in_every_format())
    yield "tls13", one("TLS 1.3", tls13)
    yield (
        "ipv6",
        one("IPv6", *in_every_format(path=PATH6, preamble=CLIENT6)),
    )
    yield "clear", one("HTTP in clear behind it", *in_every_format(session=None))
    tagged = [
        dataclasses.replace(PLAIN, format=format, preamble=TAGGED, crc32c=True)
        for format in ("magic", "proxy2")
    ]
    yield "tlvs", one("ALPN, AUTHORITY, UNIQUE_ID and a CRC32C", *tagged)
    yield "resets", one("clients that reset", *in_every_format(ending="reset"))
    yield "open", one("connections that go on", *in_every_format(ending="open"))
    yield (
        "reused",
        Crafted(
            about="one pair of ports, used by three clients in turn",
            connections=[
                dataclasses.replace(
                    PLAIN,
                    preamble=Preamble(
                        source=(f"203.0.113.{number + 9}", 51234),
                        destination=("198.51.100.2", 443),
                    ),
                    seed=number,
                    begins=EPOCH + number * APART,
                ).made()
                for number in range(3)
            ],
        ),
    )
    together = several(*in_every_format(), apart=50_000)
    yield (
        "together",
        Crafted(about="connections whose packets alternate", connections=together),
    )
    yield "noise", one("among ARP, DNS, ICMP", *in_every_format(), noise=noise)
    stranger = dataclasses.replace(
        PLAIN, path=dataclasses.replace(PATH, peer=Endpoint("203.0.113.66", 40112))
    )
    known, refused = several(PLAIN, stranger)
    expected = {
        key: refused.expected[key] for key in ("peer", "listener", "vlans", "packets")
    }
    refused = dataclasses.replace(refused, expected=expected | {"verdict": "peer"})
    yield (
        "peer",
        Crafted(
            about="one who may send a preamble, and a stranger",
            connections=[known, refused],
            reader={"peers": ["192.0.2.0/24"]},
        ),
    )
    yield (
        "direct",
        Crafted(
            about="one who may send a preamble, and a client that comes by itself",
            connections=[known, _direct(Endpoint("203.0.113.66", PEER.port + 1))],
            reader={"peers": ["192.0.2.0/24"], "direct": ["203.0.113.0/24"]},
        ),
    )
    yield (
        "proof",
        Crafted(
            about="a signed preamble, where nobody has a key",
            connections=[_keyless()],
            reader={"unsigned": True},
        ),
    )


def _direct(peer: Endpoint) -> Connection:
    """A client that is let in as one, and sends no preamble."""
    path = dataclasses.replace(PATH, peer=peer)
    exchange = Exchange(seed=1, begins=EPOCH + APART)
    exchange.open()
    exchange.say("peer", session().hello)
    exchange.close("peer")
    expected: dict[str, Any] = {
        "peer": peer._asdict(),
        "listener": path.listener._asdict(),
        "verdict": "direct",
        "format": None,
        "client": peer._asdict(),
        "preamble": None,
        "follows": "tls",
    }
    return Connection(exchange=exchange, path=path, expected=expected)


def _keyless() -> Connection:
    """A proof that is right, refused by a listener that has no key."""
    signed = [test for test in raw("proof") if test["result"] == "valid"]
    test = next(test for test in signed if test["bind"] == 2)
    made = _streamed(
        0,
        {**test, "result": "proof", "offset": None},
        behind=bytes.fromhex(test["rest"]),
    )
    expected = {**made.expected, "format": "magic", "client": None, "follows": "tls"}
    # No octet is wrong.
    del expected["offset"]
    return dataclasses.replace(made, expected=expected)


def snaplens() -> Iterator[tuple[str, Crafted]]:
    """14 octets of Ethernet, 20 of IP, 32 of TCP, 24 of MAGIC."""
    kept = ("peer", "listener", "vlans", "packets", "ended", "ended_by", "octets")
    (made,) = several(PLAIN)
    cut = {key: made.expected[key] for key in kept}
    judged = {"client": made.expected["client"], "preamble": made.expected["preamble"]}
    for name, about, snaplen, expected in (
        ("snaplen-80", "the preamble is cut", 80, {"verdict": "unseen"}),
        (
            "snaplen-100",
            "the ClientHello is cut, the preamble is not",
            100,
            {
                "verdict": "ok",
                "format": "magic",
                "follows": "tls",
                "tls": None,
                **judged,
            },
        ),
    ):
        said = dataclasses.replace(made, expected={**cut, **expected})
        yield name, Crafted(about=about, connections=[said], snaplen=snaplen)


def vectors() -> Iterator[tuple[str, Crafted]]:
    for format in FORMATS:
        for valid in (True, False):
            chosen = list(_chosen(format, valid=valid))
            connections = [
                _streamed(number, test, behind=session().hello)
                for number, test in enumerate(chosen)
            ]
            word, kind = ("kept", "valid") if valid else ("broken", "broken")
            about = f"{format}: one vector for each clause that is {word}"
            yield (
                f"vectors-{format}-{kind}",
                Crafted(about=about, connections=connections),
            )
    for name, about in {"proof": "signed MAGIC", "e5": "signed PROXY v2"}.items():
        signed = [test for test in raw(name) if test["result"] == "valid"]
        # Each clause once; what follows is what was signed.
        first = {test["rule"]: test for test in reversed(signed)}
        connections = [
            _streamed(number, test, behind=bytes.fromhex(test.get("rest", "")))
            for number, test in enumerate(reversed(first.values()))
        ]
        about = f"{about}: valid, and verified by nobody who has no key"
        yield f"vectors-{name}", Crafted(about=about, connections=connections)


def _chosen(format: str, *, valid: bool) -> Iterator[dict[str, Any]]:
    """The first vector for each clause and result, where formats are told apart."""
    seen = set[tuple[str, str]]()
    first = {"magic": "cd", "proxy1": "50", "proxy2": "0d"}[format]
    for test in itertools.chain(raw(format), raw("tlv")):
        key = test["rule"], test["result"]
        if (
            test["format"] == format
            and "limit" not in test
            and test["wire"][:2] == first
            and (test["result"] == "valid") is valid
            and key not in seen
        ):
            seen.add(key)
            yield test


def _streamed(number: int, test: dict[str, Any], *, behind: bytes) -> Connection:
    """A connection whose first octets are a vector's."""
    path = dataclasses.replace(PATH, peer=Endpoint(PEER.host, 10_000 + number))
    exchange = Exchange(seed=number, begins=EPOCH + number * APART)
    wire = bytes.fromhex(test["wire"])
    exchange.open()
    truncated = test["result"] == "truncated"
    exchange.say("peer", wire if truncated else wire + behind)
    expected: dict[str, Any] = {
        "peer": path.peer._asdict(),
        "listener": path.listener._asdict(),
        "verdict": test["result"],
    }
    # For people: no reader says it.
    expected["about"] = f"{test['id']} ({test['rule']}): {test['comment']}"
    if test["result"] == "valid":
        exchange.close("peer")
        said = dict(test["decoded"])
        del said["rest_length"]
        expected["verdict"] = _believed(said)
        if expected["verdict"] in ("ok", "local"):
            expected |= {"format": test["format"], "preamble": said}
            expected["client"] = said["source"]
    elif truncated:
        exchange.close("peer")
        expected["offset"] = test["offset"]
    else:
        exchange.reset("listener")
        expected["offset"] = test["offset"]
    return Connection(exchange=exchange, path=path, expected=expected)


def _believed(said: dict[str, Any]) -> str:
    """Spec.md section 10.2, for a peer that is neither loopback nor UNIX."""
    source = said["source"]
    if source is None:
        return "local"
    if said["transport"] in ("UDP4", "UDP6", "UNIX-DGRAM"):
        return "transport"
    if "path" in source:
        return "source"
    host = str(source["host"])
    return "source" if host.startswith("127.") or host == "::1" else "ok"


def noise() -> Iterator[Packet]:
    ether = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    ip = IP(src="192.0.2.2", dst="192.0.2.10")
    frames = [
        Ether(src="02:00:00:00:00:01", dst="ff:ff:ff:ff:ff:ff")
        / ARP(
            psrc="192.0.2.2", pdst="192.0.2.10", hwsrc="02:00:00:00:00:01", op="who-has"
        ),
        ether / ip / UDP(sport=5353, dport=53) / DNS(qd=[DNSQR(qname="shop.example")]),
        ether / ip / ICMP() / b"ping",
    ]
    for number, frame in enumerate(frames):
        yield Packet(EPOCH + number * APART + 500_000, bytes(frame))


def _moved(crafted: Crafted, base: int) -> Crafted:
    """Return the same from other ports: the first connection's is *base*."""
    lowest = min(one.path.peer.port for one in crafted.connections)
    connections: list[Connection] = []
    for one in crafted.connections:
        host, port = one.path.peer
        peer = Endpoint(host, port - lowest + base)
        path = dataclasses.replace(one.path, peer=peer)
        expected = {**one.expected, "peer": peer._asdict()}
        if expected["verdict"] == "direct":
            expected["client"] = expected["peer"]
        connections.append(dataclasses.replace(one, path=path, expected=expected))
    return dataclasses.replace(crafted, connections=connections)


def _all() -> dict[str, Crafted]:
    """Give each capture ports that no other has: a reader can take all in one go.

    They come from its name, so that another capture more changes no other.
    """
    made = dict(
        itertools.chain(
            situations(), links(), disorders(), snaplens(), faults(), vectors()
        )
    )
    taken = set[int]()
    for name in sorted(made):
        place = zlib.crc32(name.encode()) % PLACES
        while place in taken:
            place = (place + 1) % PLACES
        taken.add(place)
        # Above those that servers have: whose a connection is can then be guessed.
        made[name] = _moved(made[name], 16_384 + place * MOST)
        assert len(made[name].connections) <= MOST
    return made


MOST, PLACES = 64, 768
CRAFTED: dict[str, Crafted] = _all()
"""Every crafted capture by its name."""
