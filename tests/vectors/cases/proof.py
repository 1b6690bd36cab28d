"""Signed MAGIC preambles (spec.md section 7)."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.build import CRC, HTTP, local, magic, pair, pair6, paths, tlv
from tests.vectors.second.octets import Refused
from tests.vectors.second.proof import TAG, Demand, Hop, message, tag, verify
from tests.vectors.second.reader import decode

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
SEED = bytes(range(64, 96))
PUBLIC = Ed25519PrivateKey.from_private_bytes(SEED).public_key().public_bytes_raw()
NONCE = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
CREATED = 1_795_478_400_000
HOP = Hop("10.0.0.1", 40_000, "10.0.1.1", 443)
HOP6 = Hop("2001:db8::a", 40_000, "2001:db8::b", 8443)
HOP_MAPPED = Hop("::ffff:10.0.0.1", 40_000, "::ffff:10.0.1.1", 443)


def record(body: bytes, kind: int = 22) -> bytes:
    return bytes([kind, 3, 1]) + len(body).to_bytes(2, "big") + body


def extension(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value


def hello_message() -> bytes:
    """A ClientHello of TLS 1.3 for shop.example; nobody has its private key."""
    name = b"shop.example"
    server_name = b"\0" + len(name).to_bytes(2, "big") + name
    extensions = b"".join(
        (
            extension(0, len(server_name).to_bytes(2, "big") + server_name),
            extension(10, bytes.fromhex("0002001d")),
            extension(13, bytes.fromhex("000408040403")),
            extension(16, bytes.fromhex("0003026832")),
            extension(43, bytes.fromhex("020304")),
            extension(51, bytes.fromhex("0024001d0020") + bytes(range(96, 128))),
        )
    )
    body = b"\x03\x03" + bytes(range(128, 160)) + b"\x20" + bytes(range(160, 192))
    body += bytes.fromhex("0004130113020100")
    body += len(extensions).to_bytes(2, "big") + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


MESSAGE = hello_message()
HELLO = record(MESSAGE)
HELLO_CUT = record(MESSAGE[:100]) + record(MESSAGE[100:])
MORE = record(bytes(40), 23)
"""What follows the ClientHello, early data say: the tag does not cover it."""


class Seal:
    """A signed preamble, and how it comes to be."""

    def __init__(
        self,
        demand: Demand,
        *,
        block: bytes = b"",
        transport: int = 0x11,
        tlvs: bytes = b"",
        bound: bytes = b"",
        created: int = CREATED,
        nonce: bytes = NONCE,
        secret: bytes = KEY,
        bind: int | None = None,
    ) -> None:
        self.demand = demand
        said = demand.bind if bind is None else bind
        proof = bytes([said, 1 if demand.hop else 0]) + len(bound).to_bytes(2, "big")
        proof += demand.key_id.to_bytes(4, "big") + created.to_bytes(8, "big") + nonce
        body = proof + block + tlvs + bytes(TAG[demand.profile])
        if transport:
            octets = magic(body, transport=transport, profile=demand.profile)
        else:
            octets = local(body, profile=demand.profile)
        before = octets[: -TAG[demand.profile]]
        self.message = message(
            demand.profile, before, demand.audience, demand.hop, bound
        )
        self.tag = tag(demand.profile, secret, self.message)
        self.wire = before + self.tag
        self.secret = secret


def demand(**changes: Any) -> Demand:
    """What the receiver holds against it, unless the case says otherwise."""
    usual = Demand(
        profile=1, key=KEY, key_id=7, audience="web.example", bind=2, now=CREATED + 40
    )
    return usual._replace(**changes)


def row(
    name: str,
    rule: str,
    comment: str,
    seal: Seal | bytes,
    stream: bytes,
    *,
    held: Demand | None = None,
    result: str = "valid",
) -> dict[str, Any]:
    """Return a vector, having asked the second reader."""
    wire = seal if isinstance(seal, bytes) else seal.wire
    if held is None:
        assert isinstance(seal, Seal)
        held = seal.demand
    hop = held.hop
    said: dict[str, Any] = {
        "id": name,
        "rule": rule,
        "comment": comment,
        "format": "magic",
        "wire": wire.hex(),
        "rest": stream.hex(),
        "profile": held.profile,
        "key": held.key.hex(),
        "key_id": held.key_id,
        "audience": held.audience,
        "bind": held.bind,
        "now": held.now,
        "gateway": f"{bracketed(hop.gateway)}:{hop.gateway_port}" if hop else None,
        "node": f"{bracketed(hop.node)}:{hop.node_port}" if hop else None,
        "result": result,
    }
    try:
        verify(held, wire, stream)
        decoded = decode(wire + stream, "magic", None)
    except Refused as refusal:
        if refusal.reason != result:
            raise AssertionError(f"proof {name}: {refusal}, not {result}") from None
        return said
    if result != "valid":
        raise AssertionError(f"proof {name}: valid, not {result}")
    assert isinstance(seal, Seal)
    if held.profile == 2:
        said["private_key"] = seal.secret.hex()
    said["hop"] = hop.packed().hex() if hop else ""
    said["message"] = seal.message.hex()
    said["tag"] = seal.tag.hex()
    return said | {"decoded": decoded}


def bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def flipped(octets: bytes, at: int) -> bytes:
    return octets[:at] + bytes([octets[at] ^ 1]) + octets[at + 1 :]


TLVS = tlv(2, b"shop.example") + tlv(1, b"h2")
HELLO_SEAL = Seal(demand(), block=pair(), tlvs=TLVS, bound=HELLO)
HOP_SEAL = Seal(demand(hop=HOP), block=pair(), bound=HELLO)
PLAIN_SEAL = Seal(demand(bind=0), block=pair())
OCTETS_SEAL = Seal(demand(bind=1), block=pair(), bound=HTTP)
LOCAL_SEAL = Seal(demand(), transport=0, bind=0)
ED_SEAL = Seal(
    demand(profile=2, key=PUBLIC, hop=HOP), block=pair(), bound=HELLO, secret=SEED
)


def kept() -> list[dict[str, Any]]:
    return [
        row("bind-0", "P4", "nothing bound: 72 octets", PLAIN_SEAL, b""),
        row("bind-0-more", "P4", "and nothing looked at", PLAIN_SEAL, HTTP),
        row("bind-1", "P4", "the first octets bound", OCTETS_SEAL, HTTP),
        row("bind-1-more", "P4", "what follows is free", OCTETS_SEAL, HTTP + b"more"),
        row("bind-2", "P4", "a ClientHello bound", HELLO_SEAL, HELLO),
        row("bind-2-more", "P4", "what follows is free", HELLO_SEAL, HELLO + MORE),
        row(
            "bind-2-two-records",
            "P11",
            "a ClientHello in two records",
            Seal(demand(), block=pair(), bound=HELLO_CUT),
            HELLO_CUT,
        ),
        row(
            "bind-2-tail",
            "P11",
            "the record may hold more behind the hello",
            Seal(demand(), block=pair(), bound=record(MESSAGE + b"\x0b\0\0\0")),
            record(MESSAGE + b"\x0b\0\0\0"),
        ),
        row("hop", "P5", "the hop in the message", HOP_SEAL, HELLO),
        row(
            "hop-ipv6",
            "P5",
            "over IPv6",
            Seal(demand(hop=HOP6), block=pair6(), transport=0x21, bound=HELLO),
            HELLO,
        ),
        row(
            "hop-mapped",
            "P5",
            "mapped addresses are unmapped in it",
            Seal(demand(hop=HOP_MAPPED), block=pair(), bound=HELLO),
            HELLO,
        ),
        row(
            "hop-mapped-equal",
            "P5",
            "so both ends may see them differently",
            HOP_SEAL,
            HELLO,
            held=demand(hop=HOP_MAPPED),
        ),
        row("local", "P6", "LOCAL binds nothing though 2 is demanded", LOCAL_SEAL, b""),
        row(
            "local-hop-tlv",
            "P6",
            "LOCAL with the hop and a TLV",
            Seal(demand(hop=HOP), transport=0, bind=0, tlvs=tlv(5, b"probe-17")),
            b"",
        ),
        row(
            "ipv6",
            "P4",
            "96 octets",
            Seal(demand(bind=0), block=pair6(), transport=0x21),
            b"",
        ),
        row(
            "unix",
            "P4",
            "276 octets",
            Seal(demand(bind=0), block=paths(), transport=0x31),
            b"",
        ),
        row(
            "audience-long",
            "P3",
            "an audience of 64 octets",
            Seal(demand(audience="a" * 64, bind=0), block=pair()),
            b"",
        ),
        row(
            "audience-short",
            "P3",
            "an audience of one octet",
            Seal(demand(audience="a", bind=0), block=pair()),
            b"",
        ),
        row(
            "key-id-largest",
            "P2",
            "the largest key id",
            Seal(demand(key_id=2**32 - 1, bind=0), block=pair()),
            b"",
        ),
        row(
            "oldest",
            "P8",
            "15 000 ms old",
            PLAIN_SEAL,
            b"",
            held=demand(bind=0, now=CREATED + 15_000),
        ),
        row(
            "newest",
            "P8",
            "5 000 ms ahead",
            PLAIN_SEAL,
            b"",
            held=demand(bind=0, now=CREATED - 5_000),
        ),
        row("ed25519", "P9", "profile 2: 120 octets", ED_SEAL, HELLO),
        row(
            "ed25519-local",
            "P9",
            "LOCAL in profile 2",
            Seal(demand(profile=2, key=PUBLIC), transport=0, bind=0, secret=SEED),
            b"",
        ),
    ]


def broken() -> list[dict[str, Any]]:
    def wrong(
        name: str,
        rule: str,
        comment: str,
        seal: Seal | bytes,
        stream: bytes,
        held: Demand,
    ) -> dict[str, Any]:
        return row(name, rule, comment, seal, stream, held=held, result="proof")

    usual = demand()
    other = Hop("10.0.0.1", 40_001, "10.0.1.1", 443)
    swapped = Hop("10.0.1.1", 443, "10.0.0.1", 40_000)
    tail = len(HELLO_SEAL.wire) - 16
    rows = [
        wrong("wrong-key", "P9", "a key", HELLO_SEAL, HELLO, demand(key=OTHER_KEY)),
        wrong("wrong-key-id", "P7", "a key id", HELLO_SEAL, HELLO, demand(key_id=8)),
        wrong(
            "wrong-audience",
            "P3",
            "sealed for another receiver",
            HELLO_SEAL,
            HELLO,
            demand(audience="mail.example"),
        ),
        wrong(
            "wrong-audience-prefix",
            "P3",
            "sealed for a longer name",
            HELLO_SEAL,
            HELLO,
            demand(audience="web.exampl"),
        ),
        wrong("hop-other-port", "P5", "a port", HOP_SEAL, HELLO, demand(hop=other)),
        wrong(
            "hop-swapped", "P5", "ends swapped", HOP_SEAL, HELLO, demand(hop=swapped)
        ),
        wrong(
            "hop-missing",
            "P7",
            "demanded, not there",
            HELLO_SEAL,
            HELLO,
            demand(hop=HOP),
        ),
        wrong("hop-unwanted", "P7", "there, not demanded", HOP_SEAL, HELLO, usual),
        wrong("bind-weaker", "P7", "bind 1, demanded 2", OCTETS_SEAL, HTTP, usual),
        wrong("bind-none", "P7", "bind 0, demanded 2", PLAIN_SEAL, HELLO, usual),
        wrong(
            "bind-other", "P7", "bind 2, demanded 1", HELLO_SEAL, HELLO, demand(bind=1)
        ),
        wrong(
            "too-old",
            "P8",
            "15 001 ms",
            PLAIN_SEAL,
            b"",
            demand(bind=0, now=CREATED + 15_001),
        ),
        wrong(
            "too-new",
            "P8",
            "5 001 ms",
            PLAIN_SEAL,
            b"",
            demand(bind=0, now=CREATED - 5_001),
        ),
        wrong("other-hello", "P4", "one bit", HELLO_SEAL, flipped(HELLO, 60), usual),
        wrong("no-stream", "P4", "nothing follows", HELLO_SEAL, b"", usual),
        wrong(
            "short-stream", "P4", "an octet is missing", HELLO_SEAL, HELLO[:-1], usual
        ),
        wrong("unsigned", "P7", "profile 0", magic(), HELLO, usual),
        wrong(
            "other-profile",
            "P1",
            "profile 2, the key's is 1",
            ED_SEAL,
            HELLO,
            demand(hop=HOP),
        ),
        wrong(
            "ed25519-other-key",
            "P9",
            "a signature of another key",
            Seal(demand(profile=2, key=PUBLIC, bind=0), block=pair(), secret=OTHER_KEY),
            b"",
            demand(profile=2, key=PUBLIC, bind=0),
        ),
        wrong(
            "hello-part",
            "P11",
            "sealed over a part of the ClientHello",
            Seal(usual, block=pair(), bound=HELLO[:50]),
            HELLO,
            usual,
        ),
        wrong(
            "hello-and-more",
            "P11",
            "sealed over a record behind it",
            Seal(usual, block=pair(), bound=HELLO + MORE),
            HELLO + MORE,
            usual,
        ),
        wrong(
            "hello-none",
            "P11",
            "sealed over no ClientHello",
            Seal(usual, block=pair(), bound=HTTP),
            HTTP,
            usual,
        ),
        wrong(
            "hello-other-message",
            "P11",
            "sealed over a ServerHello",
            Seal(usual, block=pair(), bound=record(b"\x02" + MESSAGE[1:])),
            record(b"\x02" + MESSAGE[1:]),
            usual,
        ),
        wrong(
            "tag-of-other-context",
            "P9",
            "HMAC under the context of Ed25519",
            PLAIN_SEAL.wire[:-16]
            + tag(1, KEY, message(2, PLAIN_SEAL.wire[:-16], "web.example", None, b"")),
            b"",
            demand(bind=0),
        ),
        wrong(
            "tag-before-address",
            "P12",
            "the tag is judged before an address that no client has",
            Seal(demand(bind=0), block=pair("0.0.0.0"), secret=OTHER_KEY),
            b"",
            demand(bind=0),
        ),
    ]
    rows += [
        wrong(
            f"changed-{at}",
            "P9",
            f"one bit of {what}",
            flipped(HELLO_SEAL.wire, at),
            HELLO,
            usual,
        )
        for at, what in [
            (27, "created"),
            (28, "the nonce"),
            (47, "the source"),
            (48, "the destination"),
            (53, "the source port"),
            (55, "the destination port"),
            (59, "a TLV"),
            (tail, "the tag's first octet"),
            (tail + 15, "the tag's last octet"),
        ]
    ]
    return [
        *rows,
        row(
            "address-after-tag",
            "P12",
            "the tag is right, and no client has the address",
            Seal(demand(bind=0), block=pair("0.0.0.0")),
            b"",
            result="address",
        ),
        row(
            "tlv-after-tag",
            "T14",
            "the tag is right, and a checksum stands beside it",
            Seal(demand(bind=0), block=pair(), tlvs=CRC),
            b"",
            result="tlv",
        ),
    ]


def tests() -> list[dict[str, Any]]:
    """Return all vectors of this file."""
    return [*kept(), *broken()]
