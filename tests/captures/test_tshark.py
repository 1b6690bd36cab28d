"""The second reader: tshark with magic.lua, on all captures in one go.

It has no trust, knows no deadline, and says of a stream without a preamble that it has
none: what that makes of each verdict stands in `judged`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from tests.captures.capture import Capture, captures
from tests.interop.peers import needs
from tests.sslmagic.dissect.shark import by_stream

FIELDS = [
    *("tcp.srcport", "tcp.dstport", "ip.src", "ipv6.src", "vlan.id"),
    *("tcp.flags.syn", "ieee8021ad.id", "frame.protocols"),
    *("sslmagic.format", "sslmagic.octets", "sslmagic.command"),
    *("sslmagic.source", "sslmagic.source_port"),
    *("sslmagic.destination", "sslmagic.destination_port"),
    *("sslmagic.tlv.type", "sslmagic.tlv.length", "sslmagic.tlv.value"),
    *("sslmagic.fault", "sslmagic.fault_offset"),
    *("tls.handshake.extensions_server_name", "tls.alert_message.desc"),
    "http.request.method",
]
NODE = "8443"
OPTIONS = [
    *("-Y", "tcp", "-o", "tcp.reassemble_out_of_order:TRUE"),
    *(
        word
        for format in ("magic", "proxy1", "proxy2")
        for word in ("-o", f"sslmagic.{format}_ports:{NODE}")
    ),
]

Stream = dict[str, list[str]]
Streams = defaultdict[str, defaultdict[str, list[Stream]]]

NOWHERE = ""
TAGS = {"ieee8021ad": "ieee8021ad.id", "vlan": "vlan.id"}
"""The protocols of tags, and where each says its number."""

DECODED = [
    *("format", "version", "command", "family", "length", "oversize"),
    *("line", "address", "tlv", "checksum", "profile", "truncated"),
]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> Streams:
    """The streams of each capture, by their peer's endpoint, in their order.

    Those that no connection of any capture is stand under a name that none has.
    """
    needs("tshark")
    folder = tmp_path_factory.mktemp("tshark")
    found: Streams = defaultdict(lambda: defaultdict(list))
    for number, group in enumerate(_groups()):
        file = folder / f"{number}.pcapng"
        # Sections of one file may follow each other as they are.
        file.write_bytes(b"".join(one.path.read_bytes() for one in group))
        names = {peer: one.name for one in group for peer in _peers(one)}
        for _, stream in sorted(by_stream(file, FIELDS, *OPTIONS).items()):
            peer = _peer(stream)
            found[names.get(peer, NOWHERE)][peer].append(stream)
    return found


@pytest.mark.parametrize("capture", captures(), ids=lambda one: one.name)
def test_tshark_agrees(capture: Capture, streams: Streams) -> None:
    found = streams[capture.name]
    expected = defaultdict[str, list[dict[str, Any]]](list)
    for said in capture.connections:
        expected[_named(said["peer"])].append(said)
    assert {peer: len(some) for peer, some in found.items()} == {
        peer: len(some) for peer, some in expected.items()
    }
    for peer, some in expected.items():
        for said, stream in zip(some, found[peer], strict=True):
            judged(said, stream)


def test_no_stream_is_nobody_s(streams: Streams) -> None:
    assert list(streams[NOWHERE]) == []
    assert set(streams) - {NOWHERE} == {one.name for one in captures()}


def test_another_order_of_tags_is_another() -> None:
    stream = {field: list[str]() for field in FIELDS}
    stream["ieee8021ad.id"], stream["vlan.id"] = ["100", "100"], ["10", "10"]
    stream["frame.protocols"] = ["eth:ethertype:ieee8021ad:ethertype:vlan:ip:tcp"] * 2
    assert _tags(stream) == [(100, 10)] * 2
    stream["frame.protocols"][1] = "eth:ethertype:vlan:ethertype:ieee8021ad:ip:tcp"
    assert _tags(stream) == [(100, 10), (10, 100)]


def judged(said: dict[str, Any], stream: Stream) -> None:
    """Hold a stream to what is expected of its connection."""
    fault, offset = stream["sslmagic.fault"], stream["sslmagic.fault_offset"]
    verdict = said["verdict"]
    assert set(_tags(stream)) == {tuple(said.get("vlans", []))}
    if said["listener"]["port"] != int(NODE):
        assert fault == []
    elif verdict in DECODED:
        assert (fault, offset) == ([verdict], [str(said["offset"])])
    elif verdict == "timeout":
        # The peer closes too when the listener has: for tshark that is the end.
        assert fault == ["truncated"]
    elif verdict == "reset":
        assert fault == ["reset"]
    elif verdict in ("missing", "late", "direct"):
        assert (fault, offset) == (["format"], ["0"])
    elif verdict == "silent":
        assert (fault, offset) == (["truncated"], ["0"])
    elif verdict == "nested":
        assert (fault, offset) == (["nested"], [str(said["offset"])])
    else:
        assert fault == []
    if verdict in ("unseen", "timeout", "waiting"):
        assert stream["sslmagic.octets"] == []
    if preamble := said.get("preamble"):
        assert _preamble(stream, len(preamble["tlvs"])) == _expected(preamble)
    elif "preamble" in said:
        assert stream["sslmagic.source"] == stream["sslmagic.tlv.type"] == []
    elif client := said.get("client"):
        assert stream["sslmagic.format"] == [said["format"]]
        assert stream["sslmagic.source"] == [client["host"]]
        assert stream["sslmagic.source_port"] == [str(client["port"])]
    if said.get("follows") == "tls" and verdict in ("ok", "local") and said["tls"]:
        names = stream["tls.handshake.extensions_server_name"]
        assert names == [said["tls"]["server_name"]]
    if said.get("follows") == "http" and verdict in ("ok", "local"):
        assert stream["http.request.method"] == ["GET"]
    if str(said.get("answer")).startswith("alert"):
        assert "10" in stream["tls.alert_message.desc"]


def _tags(stream: Stream) -> list[tuple[int, ...]]:
    """The tags of each frame, the outermost first."""
    numbers = {protocol: iter(stream[field]) for protocol, field in TAGS.items()}
    tags = [
        tuple(int(next(numbers[one])) for one in frame.split(":") if one in TAGS)
        for frame in stream["frame.protocols"]
    ]
    assert [list(left) for left in numbers.values()] == [[], []]
    return tags


def _preamble(stream: Stream, outer: int) -> dict[str, Any]:
    said: dict[str, Any] = {"format": stream["sslmagic.format"][:1]}
    for end in ("source", "destination"):
        said[end] = stream[f"sslmagic.{end}"][:1], stream[f"sslmagic.{end}_port"][:1]
    said["length"] = stream["sslmagic.octets"][:1]
    types, at = stream["sslmagic.tlv.type"], 0
    said["tlvs"] = []
    # An empty value is not printed.
    values = iter(stream["sslmagic.tlv.value"])
    sizes = list(map(int, stream["sslmagic.tlv.length"]))
    held = [next(values) if size else "" for size in sizes]
    # Those inside an SSL TLV stand behind it.
    while at < len(types) and len(said["tlvs"]) < outer:
        said["tlvs"].append((types[at], held[at]))
        # Behind the 5 octets of its own head an SSL TLV has others.
        inside = sizes[at] - 5 if types[at] == "0x20" else 0
        at += 1
        while inside > 0:
            inside -= 3 + sizes[at]
            at += 1
    return said


def _expected(preamble: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"format": [preamble["format"]]}
    for end in ("source", "destination"):
        address = preamble[end] or {}
        port = address.get("port")
        host = address.get("host") or address.get("path")
        said[end] = [host] if host else [], [] if port is None else [str(port)]
    said["length"] = [str(preamble["length"])]
    said["tlvs"] = [(f"0x{tlv['type']:02x}", tlv["hex"]) for tlv in preamble["tlvs"]]
    return said


def _groups() -> list[list[Capture]]:
    """The captures in groups in which no two have a connection of the same ends."""
    groups: list[tuple[set[str], list[Capture]]] = []
    for capture in captures():
        peers = _peers(capture)
        for taken, group in groups:
            if not taken & peers:
                taken |= peers
                group.append(capture)
                break
        else:
            groups.append((peers, [capture]))
    return [group for _, group in groups]


def _peers(capture: Capture) -> set[str]:
    return {_named(said["peer"]) for said in capture.connections}


def _peer(stream: Stream) -> str:
    source = (stream["ip.src"] + stream["ipv6.src"])[0]
    ports = stream["tcp.srcport"], stream["tcp.dstport"]
    hosts = stream["ip.src"] + stream["ipv6.src"]
    # Where the beginning is not captured the node may have been the first to speak.
    if stream["tcp.flags.syn"][0] not in ("1", "True") and int(ports[0][0]) < int(
        ports[1][0]
    ):
        port = ports[1][0]
        (source,) = set(hosts) - {source}
    else:
        port = ports[0][0]
    return f"{source} {port}"


def _named(endpoint: dict[str, Any]) -> str:
    return f"{endpoint['host']} {endpoint['port']}"
