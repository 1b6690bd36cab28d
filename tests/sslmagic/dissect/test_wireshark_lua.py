"""magic.lua in a real tshark: it reads every stream as the decoder does."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sslmagic.anatomy import printable
from sslmagic.decoder import Decoder
from sslmagic.dissect.wireshark import DISSECTOR
from sslmagic.errors import DecodeError
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, Frame, encode
from tests.interop.peers import needs, program
from tests.sources import PROJECT
from tests.sslmagic.dissect.connections import RST, Connections
from tests.sslmagic.dissect.shark import by_stream, frames, said
from tests.vectors.vector import Vector, raw, vectors

PORTS = {"magic": 9001, "proxy1": 9002, "proxy2": 9003}
REQUIRED = [
    word
    for format, port in PORTS.items()
    for word in ("-o", f"sslmagic.{format}_ports:{port}")
]
ELSEWHERE = 9443
"""A port that no dissector has, where a preamble is known by its signature."""
PASSES = [pytest.param([], id="one-pass"), pytest.param(["-2"], id="two-passes")]
SIGNATURES = (b"PROXY ", b"\r\n\r\n\0\r\nQUIT\n")

VERDICT = ["sslmagic.octets", "sslmagic.fault", "sslmagic.fault_offset"]
CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
SIGNED = next(test for test in raw("proof") if test["id"] == "bind-2")
HELLO = bytes.fromhex(SIGNED["rest"])
ALERT = bytes.fromhex("15030300020228")
HTTP = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture(autouse=True, scope="module")
def _tshark() -> None:
    needs("tshark")


def judged(
    octets: bytes, format: str, limit: int | None = None
) -> dict[str, list[str]]:
    """What tshark must say of a stream that ends, in the words of `VERDICT`."""
    decoder = Decoder(format, limit=limit)
    try:
        decoder.feed(octets)
        decoder.close()
    except DecodeError as error:
        frame = decoder.frame
        # Where the whole of it came, its length is known though it is refused.
        size = [str(len(frame.octets))] if frame else []
        return verdict(size, [error.reason.value], [str(error.offset)])
    assert decoder.frame is not None
    length = [str(len(decoder.frame.octets))]
    if starts_preamble(decoder.rest):
        return verdict(length, ["nested"], length)
    return verdict(length, [], [])


def verdict(*columns: list[str]) -> dict[str, list[str]]:
    return dict(zip(VERDICT, columns, strict=True))


def starts_preamble(octets: bytes) -> bool:
    magic = octets[:3] == b"\xcd\x03\x03" and octets[5:9] == b"MAGI"
    return magic or octets.startswith(SIGNATURES)


def test_the_judgement_says_the_same_in_a_newer_lua(tmp_path: Path) -> None:
    """Wireshark 4.0 brings Lua 5.2, and 4.4 brings 5.4."""
    needs("lua5.4")
    lines = [f"local judge = dofile('{DISSECTOR}').judge"]
    expected = ""
    for vector in vectors():
        octets = "".join(f"\\{octet:03d}" for octet in vector.octets)
        limit = (
            4096 if vector.limit is None and vector.format == "proxy2" else vector.limit
        )
        lines.append(
            f"local found = judge('{octets}', {{{vector.format} = true}},"
            f" {{{vector.format} = {limit or 2048}}})\n"
            "local wrong = found.fault or {}\n"
            "print(found.more and 'truncated' or wrong.reason or 'valid',"
            f" found.more and {len(vector.octets)} or wrong.offset)"
        )
        expected += f"{vector.result}\t{'nil' if vector.valid else vector.offset}\n"
    script = tmp_path / "judge.lua"
    # A function may have 200 local names.
    script.write_text("\n".join([lines[0], *(f"do {line} end" for line in lines[1:])]))
    ended = subprocess.run(
        [program("lua5.4") or "", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.stdout == expected


def test_the_latest_time_of_a_proof(tmp_path: Path) -> None:
    """64 bits, where a whole number of Lua 5.4 has 63 and a sign."""
    needs("lua5.4")
    script = tmp_path / "created.lua"
    script.write_text(
        f"local created = dofile('{DISSECTOR}').created\n"
        "local function said(octets)\n"
        "print(string.format('%.0f %.0f', created(string.rep('\\0', 20) .. octets)))\n"
        "end\n"
        "said('\\255\\255\\255\\255\\255\\255\\255\\255')\n"
        "said('\\0\\0\\1\\x9a\\xc2\\x6b\\x4d\\x15')"
    )
    ended = subprocess.run(
        [program("lua5.4") or "", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    latest, usual = ended.stdout.splitlines()
    assert float(latest.split()[0]) == pytest.approx(2**64 / 1000)
    seconds, milliseconds = divmod(0x0000019AC26B4D15, 1000)
    assert usual == f"{seconds} {milliseconds}"


def test_what_is_wireshark_s_is_lua_5_4_too(tmp_path: Path) -> None:
    needs("lua5.4")
    script = f"assert(loadfile('{DISSECTOR}'))"
    subprocess.run([program("lua5.4") or "", "-e", script], check=True, timeout=20)


# Which characters are assigned differs between versions.
ASSIGNED = [
    code
    for code in (*range(0xD800), *range(0xE000, 0x1FFFE), *range(0xE0000, 0xE0100))
    if unicodedata.category(chr(code)) != "Cn"
]


def test_no_text_moves_a_terminal(tmp_path: Path) -> None:
    """What `magic` escapes is escaped here, and nothing else is."""
    needs("lua5.4")
    script = tmp_path / "text.lua"
    codes = ",".join(map(str, ASSIGNED))
    script.write_text(
        f"local text = dofile('{DISSECTOR}').text\n"
        f"for _, code in ipairs({{{codes}}}) do\n"
        "local one = utf8.char(code)\n"
        "if text(one) ~= one then print(code, text(one)) end\n"
        "end"
    )
    ended = subprocess.run(
        [program("lua5.4") or "", script],
        check=True,
        capture_output=True,
        text=True,
        timeout=20,
    )
    escaped = [code for code in ASSIGNED if printable(chr(code)) != chr(code)]
    octets = [chr(code).encode().hex(" ").split() for code in escaped]
    assert ended.stdout.splitlines() == [
        f"{code}\t\\x" + r"\x".join(one)
        for code, one in zip(escaped, octets, strict=True)
    ]


LIMITED = sorted(
    {(vector.format, vector.limit) for vector in vectors()},
    key=lambda one: (one[0], one[1] or 0),
)


@pytest.mark.parametrize("passes", PASSES)
def test_every_vector(tmp_path: Path, passes: Sequence[str]) -> None:
    tests = [vector for vector in vectors() if vector.limit is None]
    assert verdicts(tests, tmp_path, passes) == [expected(vector) for vector in tests]


def test_every_limit(tmp_path: Path) -> None:
    """The line's own limit is no preference: nobody takes longer ones, or shorter."""
    for format, limit in LIMITED:
        if limit is not None and format != "proxy1":
            tests = [
                vector
                for vector in vectors()
                if (vector.format, vector.limit) == (format, limit)
            ]
            found = verdicts(
                tests, tmp_path, ["-o", f"sslmagic.{format}_limit:{limit}"]
            )
            assert found == [expected(vector) for vector in tests]


def expected(vector: Vector) -> dict[str, list[str]]:
    found = judged(vector.octets, vector.format, vector.limit)
    if not vector.valid:
        assert found[VERDICT[1]] == [vector.result]
        assert found[VERDICT[2]] == [str(vector.offset)]
    return found


def verdicts(
    tests: Sequence[Vector], folder: Path, options: Sequence[str]
) -> list[dict[str, list[str]]]:
    connections = Connections()
    for vector in tests:
        pieces = [vector.octets] if vector.octets else []
        connections.add(PORTS[vector.format], pieces)
    capture = connections.write(folder / "vectors.pcap")
    found = by_stream(capture, VERDICT, *REQUIRED, *options)
    return [found[number] for number in range(len(tests))]


def test_proofs_and_random_damage(tmp_path: Path) -> None:
    """A wrong octet anywhere: the same reason at the same offset."""
    chance = random.Random(20261127)
    streams = [
        (test["format"], bytes.fromhex(test["wire"] + test["rest"]))
        for name in ("proof", "e5")
        for test in raw(name)
    ]
    valid = [vector for vector in vectors() if vector.valid]
    for _ in range(1500):
        vector = chance.choice(valid)
        damaged = bytearray(vector.wire)
        for _ in range(chance.choice((1, 1, 2, 5))):
            damaged[chance.randrange(len(damaged))] = chance.choice(
                (0, 1, 3, 0x20, 0x7F, 0xFF, chance.randrange(256))
            )
        end = chance.choice(
            (len(damaged), len(damaged), chance.randrange(len(damaged)) + 1)
        )
        streams.append((vector.format, bytes(damaged[:end])))
    connections = Connections()
    for format, octets in streams:
        cuts = sorted(
            chance.randrange(len(octets)) for _ in range(chance.choice((0, 3)))
        )
        edges = sorted({0, *cuts, len(octets)})
        pieces = [octets[start:end] for start, end in itertools.pairwise(edges)]
        connections.add(PORTS[format], pieces)
    capture = connections.write(tmp_path / "damaged.pcap")
    found = by_stream(capture, VERDICT, *REQUIRED)
    for number, (format, octets) in enumerate(streams):
        assert found[number] == judged(octets, format), octets.hex()


VALUES = [
    *("sslmagic.format", "sslmagic.command", "sslmagic.family"),
    *("sslmagic.source", "sslmagic.source_port"),
    *("sslmagic.destination", "sslmagic.destination_port"),
    *("sslmagic.source.ipv4", "sslmagic.source.ipv6"),
    *("sslmagic.tlv.type", "sslmagic.tlv.name", "sslmagic.tlv.length"),
    *("sslmagic.tlv.value", "sslmagic.tlv.crc32c", "sslmagic.tlv.crc32c.status"),
    *("sslmagic.profile", "sslmagic.proof.bind", "sslmagic.proof.flags"),
    *("sslmagic.proof.bound", "sslmagic.proof.key_id", "sslmagic.proof.created.ms"),
    *("sslmagic.proof.nonce", "sslmagic.tag"),
]


def test_every_value(tmp_path: Path) -> None:
    connections = Connections()
    taken: list[tuple[Preamble, Frame]] = []
    streams = [
        *((vector.format, vector.octets) for vector in vectors() if vector.valid),
        *(
            ("magic", bytes.fromhex(test["wire"] + test["rest"]))
            for test in raw("proof")
        ),
    ]
    for format, octets in streams:
        decoder = Decoder(format)
        try:
            preamble = decoder.feed(octets)
        except DecodeError:
            continue
        if preamble is not None and decoder.frame is not None:
            taken.append((preamble, decoder.frame))
            connections.add(PORTS[format], [decoder.frame.octets])
    capture = connections.write(tmp_path / "values.pcap")
    found = by_stream(capture, VALUES, *REQUIRED)
    assert len(taken) > 190
    for number, (preamble, frame) in enumerate(taken):
        assert found[number] == values(preamble, frame), frame.octets.hex()


def values(preamble: Preamble, frame: Frame) -> dict[str, list[str]]:
    """The values of a preamble as tshark prints them."""
    octets, format = frame.octets, frame.format
    said: dict[str, list[str]] = {field: [] for field in VALUES}
    said["sslmagic.format"] = [format]
    at = 9 if format == "magic" else 12
    if format != "proxy1":
        said["sslmagic.command"] = [str(octets[at] & 0x0F)]
        said["sslmagic.family"] = [f"0x{octets[at + 1]:02x}"]
    for name, end in (
        ("source", preamble.source),
        ("destination", preamble.destination),
    ):
        if isinstance(end, Endpoint):
            said[f"sslmagic.{name}"] = [end.host]
            said[f"sslmagic.{name}_port"] = [str(end.port)]
        elif isinstance(end, UnixEndpoint):
            path = end.path.encode("utf-8", "surrogateescape")
            text = path.decode("utf-8", "backslashreplace")
            # tshark prints no value for an empty text.
            said[f"sslmagic.{name}"] = [text] if text else []
    if format != "proxy1" and isinstance(preamble.source, Endpoint):
        if ":" not in preamble.source.host:
            said["sslmagic.source.ipv4"] = [preamble.source.host]
        if octets[at + 1] >> 4 == 2:
            said["sslmagic.source.ipv6"] = [ANY_TEXT]
    for tlv in tlvs(preamble.tlvs):
        said["sslmagic.tlv.type"].append(f"0x{tlv.type:02x}")
        said["sslmagic.tlv.name"].append(tlv.name)
        said["sslmagic.tlv.length"].append(str(len(tlv.value)))
        if tlv.value:
            said["sslmagic.tlv.value"].append(tlv.value.hex())
        if tlv.name == "CRC32C":
            said["sslmagic.tlv.crc32c"] = [f"0x{tlv.value.hex()}"]
            said["sslmagic.tlv.crc32c.status"] = ["1"]
    if format == "magic":
        said["sslmagic.profile"] = [str(octets[11])]
    if (proof := frame.proof) is not None:
        said["sslmagic.proof.bind"] = [str(proof.bind)]
        said["sslmagic.proof.flags"] = [f"0x{proof.flags:02x}"]
        said["sslmagic.proof.bound"] = [str(proof.bound)]
        said["sslmagic.proof.key_id"] = [str(proof.key_id)]
        said["sslmagic.proof.created.ms"] = [str(proof.created)]
        said["sslmagic.proof.nonce"] = [proof.nonce.hex()]
        said["sslmagic.tag"] = [proof.tag.hex()]
    return said


class _AnyText(str):
    """Equal to every text: an address in Wireshark's own words."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    __hash__ = str.__hash__


ANY_TEXT = _AnyText()


def tlvs(found: Sequence[TLV]) -> list[TLV]:
    """The TLVs in the order in which they stand, those inside SSL behind it."""
    flat: list[TLV] = []
    for tlv in found:
        flat.append(tlv)
        if tlv.name == "SSL":
            at = 5
            while at < len(tlv.value):
                end = at + 3 + int.from_bytes(tlv.value[at + 1 : at + 3], "big")
                flat.append(TLV(tlv.value[at], tlv.value[at + 3 : end]))
                at = end
    return flat


@pytest.mark.parametrize("passes", PASSES)
@pytest.mark.parametrize("port", [443, ELSEWHERE])
def test_every_cut_and_tls_behind_it(
    tmp_path: Path, port: int, passes: Sequence[str]
) -> None:
    preambles = [
        *(encode(CLIENT, format) for format in FORMATS),
        encode(Preamble.local(), "magic"),
        bytes.fromhex(SIGNED["wire"]),
    ]
    connections = Connections()
    expected: dict[int, dict[str, list[str]]] = {}
    fields = ["sslmagic.octets", "sslmagic.fault"]
    fields += ["tls.handshake.extensions_server_name", "tls.alert_message.level"]
    for preamble in preambles:
        octets = preamble + HELLO
        cuts = [[octets], [octets[at : at + 1] for at in range(len(octets))]]
        cuts += [[octets[:at], octets[at:]] for at in range(1, len(octets))]
        for pieces in cuts:
            number = connections.add(port, pieces, answer=[ALERT])
            seen = [[str(len(preamble))], [], ["shop.example"], ["2"]]
            expected[number] = dict(zip(fields, seen, strict=True))
    capture = connections.write(tmp_path / "cuts.pcap")
    assert by_stream(capture, fields, *passes) == expected


def test_tls_without_a_preamble_is_as_it_was(tmp_path: Path) -> None:
    connections = Connections()
    for at in range(len(HELLO)):
        connections.add(443, [HELLO[:at], HELLO[at:]] if at else [HELLO])
    capture = connections.write(tmp_path / "plain.pcap")
    options = ["-T", "fields", "-e", "frame.number", "-e", "_ws.col.Info"]
    options += ["-e", "tls.handshake.extensions_server_name", "-e", "tls.record.length"]
    assert said(capture, *options) == said(capture, *options, dissector=False)
    assert said(capture, *options).count("shop.example") == len(HELLO)


FOLLOWS = ["sslmagic.fault", "sslmagic.fault_offset", "http.request.method"]


@pytest.mark.parametrize("passes", PASSES)
def test_what_follows(tmp_path: Path, passes: Sequence[str]) -> None:
    magic, proxy2 = encode(CLIENT, "magic"), encode(CLIENT, "proxy2")
    nested: Any = ["nested"], ["24"], []
    fine: Any = [], [], ["GET"]
    cases: list[tuple[int, list[bytes], Any]] = [
        (8080, [magic + HTTP], fine),
        (ELSEWHERE, [magic, HTTP[:2], HTTP[2:]], fine),
        (443, [proxy2 + HTTP], fine),
        (ELSEWHERE, [b"P", b"OST / HTTP/1.1\r\n\r\n"], ([], [], ["POST"])),
        (ELSEWHERE, [magic + magic[:4], magic[4:]], nested),
        (ELSEWHERE, [magic + proxy2], nested),
        (ELSEWHERE, [magic, b"PRO", b"XY TCP4 "], nested),
        (ELSEWHERE, [magic, b"hello", magic], ([], [], [])),
        (ELSEWHERE, [b"hello", magic], ([], [], [])),
        (ELSEWHERE, [b"\xcd", b"hello"], ([], [], [])),
        (ELSEWHERE, [magic[:12]], (["truncated"], ["12"], [])),
    ]
    connections = Connections()
    for port, pieces, _ in cases:
        connections.add(port, pieces, answer=[OK])
    reset = connections.add(ELSEWHERE, [magic[:12]], ends=RST)
    open_still = connections.add(ELSEWHERE, [magic[:12]], ends=0)
    greeted = connections.add(25, [magic + b"EHLO x\r\n"], greeting=b"220 x ESMTP\r\n")
    capture = connections.write(tmp_path / "follows.pcap")
    found = by_stream(capture, FOLLOWS, *passes)
    for number, (_, pieces, expected) in enumerate(cases):
        assert tuple(found[number].values()) == expected, pieces
    assert found[reset]["sslmagic.fault"] == ["reset"]
    assert found[open_still]["sslmagic.fault"] == []
    mail = by_stream(
        capture, ["sslmagic.source", "smtp.req.command", "smtp.response.code"]
    )
    assert mail[greeted]["sslmagic.source"] == ["203.0.113.9"]
    assert mail[greeted]["smtp.response.code"] == ["220"]


def test_a_preamble_that_was_not_captured_whole(tmp_path: Path) -> None:
    connections = Connections()
    connections.add(ELSEWHERE, [encode(CLIENT, "magic") + HELLO])
    capture = connections.write(tmp_path / "short.pcap", snaplen=60)
    (found,) = by_stream(capture, ["sslmagic.fault", "sslmagic.expert.unseen"]).values()
    assert found["sslmagic.fault"] == []
    assert len(found["sslmagic.expert.unseen"]) == 1


HANDSHAKE = b"\x13BitTorrent protocol" + bytes(48)
"""What a heuristic takes, and reads to its end."""
MANY = 250
"""More than the calls from C into Lua, of which Lua has 200."""


def test_what_is_not_captured_blinds_nobody(tmp_path: Path) -> None:
    """What a dissector throws passes over the Lua that called it: nothing may."""
    magic = encode(CLIENT, "magic")
    connections = Connections()
    for _ in range(MANY):
        connections.add(443, [HELLO], kept=96)
        connections.add(80, [b"POST /x HTTP/1.1\r\nHost: x\r\n\r\n"], kept=41)
        connections.add(ELSEWHERE, [magic + HELLO], answer=[ALERT], kept=96)
        connections.add(ELSEWHERE, [magic, HELLO], kept=66)
        connections.add(ELSEWHERE, [magic + HANDSHAKE], kept=96)
    whole = [
        connections.add(port, [magic + HELLO], answer=[ALERT])
        for port in (443, ELSEWHERE)
    ]
    capture = connections.write(tmp_path / "cut.pcap")
    fields = ["sslmagic.source", "tls.handshake.extensions_server_name"]
    found = by_stream(capture, fields)
    sources = [stream["sslmagic.source"] for stream in found.values()]
    assert sources == [[], [], *[["203.0.113.9"]] * 3] * MANY + [["203.0.113.9"]] * 2
    for number in whole:
        assert found[number]["tls.handshake.extensions_server_name"] == ["shop.example"]


ABSOLUTE = ["-o", "tcp.relative_sequence_numbers:FALSE"]


@pytest.mark.parametrize("numbers", [[], ABSOLUTE], ids=["relative", "absolute"])
def test_segments_that_are_lost_swapped_or_sent_twice(
    tmp_path: Path, numbers: Sequence[str]
) -> None:
    """A fault is said of what stands at the front, and of nothing else."""
    magic, line = encode(CLIENT, "magic"), encode(CLIENT, "proxy1")
    seen: tuple[list[str], list[str]] = ["203.0.113.9"], []
    none: tuple[list[str], list[str]] = [], []
    octets = magic + HELLO
    size = len(octets)
    # Segments, and what is said: the source and what is not captured whole.
    hole: tuple[list[str], list[str]] = [], ["1"]
    cases: list[tuple[list[tuple[int, bytes]], tuple[list[str], list[str]]]] = [
        ([(0, magic[:10]), (15, octets[15:]), (size, b"more")], hole),
        ([(0, magic[:15]), (20, octets[20:]), (15, magic[15:20])], hole),
        ([(0, line[:20]), (30, line[30:] + HELLO)], hole),
        ([(0, octets), (0, octets)], seen),
        ([(0, magic), (0, octets)], seen),
        ([(-1, b"\0"), (0, octets)], seen),
        ([(0, octets), (size, b"more"), (size + 100, magic)], seen),
        ([(0, magic), (90, magic)], seen),
        ([(0, b"hello"), (5, octets)], none),
        ([(20, octets[20:])], none),
        ([(5, b"\xcd\x03"), (0, b"hello")], none),
    ]
    connections = Connections()
    expected = {
        connections.scatter(port, segments): shown
        for segments, shown in cases
        for port in (443, ELSEWHERE)
    }
    required = PORTS["magic"]
    for segments, shown in cases[:8]:
        if segments[0][1] != line[:20]:
            expected[connections.scatter(required, segments)] = shown
    # What comes first is behind the beginning.
    swapped = connections.scatter(required, [(20, octets[20:]), (0, magic[:20])])
    expected[swapped] = none
    # The listener's own first octets, whatever they are, are no preamble.
    greeted = connections.add(ELSEWHERE, [octets], greeting=magic)
    expected[greeted] = seen
    unopened = connections.scatter(required, [(0, b"hello")], opening=False)
    expected[unopened] = none
    late = connections.scatter(required, [(70000, b"\x17\3\3\0\1x")], opening=False)
    expected[late] = none
    capture = connections.write(tmp_path / "disorder.pcap")
    fields = ["sslmagic.source", "sslmagic.expert.unseen", "sslmagic.fault"]
    found = by_stream(capture, fields, *REQUIRED, *numbers)
    for number, (source, unseen) in expected.items():
        assert found[number]["sslmagic.fault"] == [], number
        assert found[number]["sslmagic.source"] == source, number
        assert len(found[number]["sslmagic.expert.unseen"]) == len(unseen), number


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    connections = Connections()
    connections.add(ELSEWHERE, [encode(CLIENT, "magic") + HELLO])
    capture = connections.write(tmp_path / "one.pcap")
    off = ["-o", "sslmagic.heuristic:FALSE"]
    assert said(capture, "-Y", "sslmagic") != ""
    assert said(capture, "-Y", "sslmagic", *off) == ""


VENDORS = [
    ("AWS_VPCE_ID", "vpce-08d2bf15fac5001c9", "aws_vpce_id", None),
    ("AZURE_LINK_ID", "67108865", "azure_link_id", None),
    ("GCP_PSC_ID", "18446744073709551615", "gcp_psc_id", None),
    ("HITCH_CLIENT_CERT", "-----BEGIN X", "hitch_client_cert", None),
    ("TELEPORT", "hex:c0ffee", "teleport", "c0ffee"),
    ("ISTIO_SPIFFE_ID", "spiffe://x/y", "istio_spiffe_id", None),
    ("PROOF", "v1|7", "proof", None),
    ("SSL", "client=SSL+CERT_CONN,verify=3,GROUP=x25519", "ssl.group", "x25519"),
    ("SSL", "client=SSL,verify=0,SIG_SCHEME=ed25519", "ssl.sig_scheme", "ed25519"),
    ("SSL", "client=SSL,verify=0,CLIENT_CERT=hex:30", "ssl.client_cert", "30"),
]


@pytest.mark.parametrize("format", ["magic", "proxy2"])
def test_types_that_wireshark_has_no_name_for(tmp_path: Path, format: str) -> None:
    connections = Connections()
    for name, text, _, _ in VENDORS:
        preamble = Preamble(
            source=CLIENT.source,
            destination=CLIENT.destination,
            tlvs=[TLV.parse(name, text)],
        )
        connections.add(ELSEWHERE, [encode(preamble, format) + HELLO])
    capture = connections.write(tmp_path / "vendors.pcap")
    fields = [f"sslmagic.tlv.{field}" for _, _, field, _ in VENDORS]
    theirs = "proxy.v2.length"
    found = by_stream(capture, [*fields, theirs])
    for number, (_, text, field, shown) in enumerate(VENDORS):
        assert found[number][f"sslmagic.tlv.{field}"] == [shown or text]
        # Wireshark's own fields stay, for the filters that people have.
        assert bool(found[number][theirs]) == (format == "proxy2"), text


def test_every_reason_is_an_expert_s_word(tmp_path: Path) -> None:
    wrong = {vector.result: vector for vector in vectors() if not vector.valid}
    connections = Connections()
    for vector in wrong.values():
        connections.add(PORTS[vector.format], [vector.octets] if vector.octets else [])
    capture = connections.write(tmp_path / "wrong.pcap")
    words = ["_ws.expert.message", "sslmagic.fault", "sslmagic.clause"]
    found = by_stream(capture, words, *REQUIRED)
    for number, reason in enumerate(wrong):
        messages = found[number]["_ws.expert.message"]
        (clause,) = found[number]["sslmagic.clause"]
        (message,) = (one for one in messages if one.startswith(f"{reason}: "))
        assert message.endswith(f"({clause})")
        assert re.fullmatch(r"[AHLMT]\d+", clause)
    assert set(wrong) >= {
        "format",
        "length",
        "tlv",
        "line",
        "checksum",
    }


def test_a_frame_is_said_in_one_line(tmp_path: Path) -> None:
    connections = Connections()
    connections.add(ELSEWHERE, [encode(CLIENT, "magic"), HELLO])
    capture = connections.write(tmp_path / "line.pcap")
    (first, *_) = frames(
        capture, ["_ws.col.Protocol", "_ws.col.Info"], "-Y", "sslmagic.source"
    )
    assert first["_ws.col.Protocol"] == ["MAGIC"]
    assert first["_ws.col.Info"] == ["PROXY TCP4 203.0.113.9:51234 → 198.51.100.2:443 "]


PAGE = PROJECT / "docs" / "wireshark.md"


def between(name: str) -> str:
    text = PAGE.read_text("utf-8")
    return text.partition(f"<!-- {name}: begin -->")[2].partition(
        f"<!-- {name}: end -->"
    )[0]


def test_the_packet_in_the_document(tmp_path: Path) -> None:
    preamble = Preamble(
        source=CLIENT.source,
        destination=CLIENT.destination,
        tlvs=[TLV.parse("AUTHORITY", "shop.example")],
    )
    connections = Connections()
    connections.add(ELSEWHERE, [encode(preamble, "magic", crc32c=True) + HELLO])
    capture = connections.write(tmp_path / "capture.pcap")
    shown = said(capture, "-O", "sslmagic", "-Y", "sslmagic").strip()
    _, _, lines = between("excerpt").partition("-O sslmagic\n")
    excerpt = lines.partition("\n```")[0]
    assert excerpt.startswith("MAGIC preamble: ")
    assert shown.endswith(f"\n{excerpt}")


def told(source: str, *tlvs: str) -> Preamble:
    return Preamble(
        source=(source, 51235),
        destination=("2001:db8::2" if ":" in source else "198.51.100.2", 443),
        tlvs=[TLV.parse(*text.split("=", 1)) for text in tlvs],
    )


DAMAGED = bytearray(encode(told("192.0.2.1"), "magic", crc32c=True))
DAMAGED[-1] ^= 1
STREAMS = {
    "none": [HELLO],
    "magic": [encode(CLIENT, "magic") + HELLO],
    "proxy1": [encode(told("192.0.2.1"), "proxy1") + HELLO],
    "proxy2": [encode(told("192.0.2.1"), "proxy2") + HELLO],
    "ipv6": [encode(told("2001:db8::9"), "magic") + HELLO],
    "local": [encode(Preamble.local(), "magic") + HELLO],
    "signed": [bytes.fromhex(SIGNED["wire"]) + HELLO],
    "checksum": [bytes(DAMAGED) + HELLO],
    "nested": [encode(told("192.0.2.1"), "magic") * 2],
    "truncated": [encode(told("192.0.2.1"), "magic")[:20]],
    "T5": [next(one.octets for one in vectors() if one.rule == "T5" and not one.valid)],
    "authority": [encode(told("192.0.2.1", "AUTHORITY=shop.example"), "magic")],
    "aws": [encode(told("192.0.2.1", "AWS_VPCE_ID=vpce-1"), "proxy2")],
    "unverified": [encode(told("192.0.2.1", "SSL=client=SSL,verify=3"), "magic")],
}


ITS = {"magic", "signed", "T5"}
"""The streams of the client that the document names."""
FOUND: dict[str, set[str]] = {
    "sslmagic": {*STREAMS} - {"none"},
    "sslmagic.fault": {"checksum", "nested", "truncated", "T5"},
    'sslmagic.fault == "checksum"': {"checksum"},
    'sslmagic.fault == "nested"': {"nested"},
    'sslmagic.fault == "truncated"': {"truncated"},
    'sslmagic.clause == "T5"': {"T5"},
    'sslmagic.source == "203.0.113.9"': ITS,
    "sslmagic.source.ipv4 == 203.0.113.0/24": ITS,
    "sslmagic.source.ipv6 == 2001:db8::/32": {"ipv6"},
    "sslmagic.source_port == 51234": ITS,
    'sslmagic.format == "proxy2"': {"proxy2", "aws"},
    "sslmagic.command == 0": {"local"},
    "sslmagic.profile > 0": {"signed"},
    "sslmagic.proof.key_id == 7": {"signed"},
    'sslmagic.tlv.authority == "shop.example"': {"authority", "signed"},
    "sslmagic.tlv.type == 0xea": {"aws"},
    "sslmagic.tlv.aws_vpce_id": {"aws"},
    "sslmagic.tlv.ssl.verify != 0": {"unverified"},
    "tcp.seq == 1 and tcp.len > 0 and tcp.srcport > tcp.dstport and not sslmagic": {
        *("none", "truncated"),
    },
}


def test_the_filters_in_the_document(tmp_path: Path) -> None:
    filters = re.findall(r"^\| `([^`]+)` \|", between("filters"), re.MULTILINE)
    assert filters == list(FOUND)
    connections = Connections()
    for pieces in STREAMS.values():
        connections.add(ELSEWHERE, pieces, answer=[ALERT])
    capture = connections.write(tmp_path / "filters.pcap")
    columns = [
        f"({one}) and tcp.stream == {number}"
        for one in filters
        for number in range(len(STREAMS))
    ]
    table = said(capture, "-q", "-z", ",".join(["io,stat,0", *columns]))
    (row,) = re.findall(r"^\|[^|]*<>[^|]*\|(.*)\|$", table, re.MULTILINE)
    counts = iter(map(int, row.split("|")[::2]))
    found = {one: {name for name in STREAMS if next(counts)} for one in filters}
    assert found == FOUND


def test_the_settings_in_the_document() -> None:
    ours = set(re.findall(r"prefs\.(\w+) = Pref", DISSECTOR.read_text("utf-8")))
    named = re.findall(r"`sslmagic\.(\w+)`", PAGE.read_text("utf-8"))
    assert ours <= set(named)
