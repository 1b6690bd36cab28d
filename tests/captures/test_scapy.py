"""The third reader: scapy puts the streams together, our layers take them apart.

Layers judge nothing: what they must say is what stands in the octets, of good preambles
and of broken ones, and they must give the same octets back.
"""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.tls.record import TLS

from sslmagic.dissect.scapy_layer import MAGIC, Cut, PROXYv1, PROXYv2
from tests.captures.capture import Capture, captures
from tests.captures.streams import Stream, streams
from tests.sslmagic.dissect.layers import rebuilt

# scapy does not type it.
_tls: Any = TLS

LAYERS: dict[str, Any] = {"magic": MAGIC, "proxy1": PROXYv1, "proxy2": PROXYv2}
FIRST = {0xCD: "magic", 0x50: "proxy1", 0x0D: "proxy2"}


@pytest.mark.parametrize("capture", captures(), ids=lambda one: one.name)
def test_the_layers_agree(capture: Capture) -> None:
    both = streams(capture.path)
    found = [one for one in both if _is_peer(one)]
    answers = [one for one in both if not _is_peer(one)]
    for said, stream in zip(capture.connections, found, strict=True):
        _agrees(said, stream)
    for said, answer in zip(capture.connections, answers, strict=True):
        assert answer.source == tuple(said["listener"].values())
        assert answer.destination == tuple(said["peer"].values())
        assert answer.vlans == said.get("vlans", [])
        if octets := said.get("octets"):
            assert answer.length == octets["listener"]


def _agrees(said: dict[str, Any], stream: Stream) -> None:
    verdict, front = said["verdict"], stream.front
    assert stream.source == tuple(said["peer"].values())
    assert stream.destination == tuple(said["listener"].values())
    assert stream.vlans == said.get("vlans", [])
    if stream.first is None or (verdict == "unseen" and len(front) < 14):
        assert verdict == "unseen"
        return
    if octets := said.get("octets"):
        assert stream.length == octets["peer"]
    if verdict == "silent":
        assert (front, stream.end) == (b"", 0)
    elif verdict in ("missing", "late", "direct"):
        assert _tls(front).haslayer(TLS)
        assert front[0] == 22
        if verdict == "late":
            assert FIRST[front[said["offset"]]] in LAYERS
    else:
        layer = LAYERS[FIRST[front[0]]](front)
        # Whatever is wrong with it, nothing of it is lost.
        assert rebuilt(layer) + bytes(layer.payload) == front
        if verdict == "unseen":
            assert any(isinstance(value, Cut) for value in layer.fields.values())
        _shows(said, layer, front)


def _shows(said: dict[str, Any], layer: Any, front: bytes) -> None:
    if preamble := said.get("preamble"):
        assert _said(layer) == _expected(preamble)
        rest = bytes(layer.payload)
        assert len(front) - len(rest) == preamble["length"]
    elif client := said.get("client"):
        assert _said(layer)["format"] == said["format"]
        assert _said(layer)["source"] == tuple(client.values())
    verdict = said["verdict"]
    if verdict == "nested":
        assert isinstance(layer.payload, tuple(LAYERS.values()))
    elif verdict == "version":
        assert layer.version != type(layer)().version
    elif verdict == "command":
        assert layer.cmd not in (0, 1)
    elif verdict == "truncated" and front:
        assert layer.payload.name == "NoPayload"
    elif verdict in ("ok", "local") and said.get("follows") == "tls" and said["tls"]:
        assert isinstance(layer.payload, TLS)
    elif verdict in ("ok", "local") and said.get("follows") == "http":
        assert bytes(layer.payload).startswith(b"GET / ")


def _said(layer: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"format": _FORMATS[type(layer).__name__]}
    if said["format"] == "proxy1":
        said["command"], said["tlvs"] = "PROXY", []
        known = layer.family != "UNKNOWN"
    else:
        said["command"] = "LOCAL" if layer.cmd == 0 else "PROXY"
        known = layer.cmd == 1 and layer.transport != 0
        said["tlvs"] = [(one.type, _value(one)) for one in layer.tlvs or ()]
        if said["format"] == "proxy2" and layer.cmd == 0:
            said["tlvs"] = []
    for end in ("source", "destination"):
        host = layer.getfieldval(end) if known else None
        port = layer.getfieldval(f"{end}_port") if known else None
        said[end] = None if host is None else (_plain(host), port)
    return said


_FORMATS = {"MAGIC": "magic", "PROXYv1": "proxy1", "PROXYv2": "proxy2"}


def _value(tlv: Any) -> str:
    return bytes(tlv)[3:].hex()


def _plain(host: Any) -> str:
    """A host as spec.md says it: mapped addresses are those of IPv4."""
    if isinstance(host, bytes):
        return host.rstrip(b"\0").decode("utf-8", "surrogateescape")
    return str(host).removeprefix("::ffff:")


def _expected(preamble: dict[str, Any]) -> dict[str, Any]:
    said = {key: preamble[key] for key in ("format", "command")}
    said["tlvs"] = [(one["type"], one["hex"]) for one in preamble["tlvs"]]
    for end in ("source", "destination"):
        address = preamble[end]
        said[end] = address and (
            address.get("host", address.get("path")),
            address.get("port"),
        )
    return said


def _is_peer(stream: Stream) -> bool:
    """Whether it is of who connected; where no SYN was captured, of the higher port."""
    if stream.first is None:
        return stream.source[1] > stream.destination[1]
    return stream.connects
