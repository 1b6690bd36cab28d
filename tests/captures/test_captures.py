"""The captures themselves: small, without anybody's addresses, and made again alike."""

from __future__ import annotations

import ipaddress
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from scapy.config import conf
from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP
from scapy.utils import RawPcapNgReader

from sslmagic.capture.verdict import Verdict
from sslmagic.dissect.faults import FAULTS
from sslmagic.wire import FORMATS
from tests.captures import generate
from tests.captures.capture import CAPTURES, SCHEMA, Capture, captures
from tests.captures.generate import crafted
from tests.captures.table import table
from tests.sources import PROJECT
from tests.vectors.vector import raw

DOCUMENTATION = [
    ipaddress.ip_network(one)
    for one in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
]
SHAPE = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text("utf-8")))
MOST = 1_500_000
"""Octets of all of them."""

DECODED = {
    *("format", "version", "command", "family", "length", "oversize"),
    *("line", "address", "tlv", "checksum", "profile", "truncated"),
}
"""The verdicts that point at an octet."""

every = pytest.mark.parametrize("capture", captures(), ids=lambda one: one.name)


@pytest.fixture(scope="module")
def again() -> dict[str, bytes]:
    return crafted()


@pytest.mark.parametrize("capture", captures("crafted"), ids=lambda one: one.name)
def test_crafted_again_it_is_the_same(
    capture: Capture, again: dict[str, bytes]
) -> None:
    for suffix in (".pcapng", ".json"):
        path = capture.path.with_suffix(suffix)
        assert path.read_bytes() == again[path.name], "make captures"


def test_every_crafted_capture_is_there(again: dict[str, bytes]) -> None:
    there = {one.path.name for one in captures("crafted")}
    assert there == {name for name in again if name.endswith(".pcapng")}


def test_every_capture_has_its_words_and_nothing_is_left_over() -> None:
    names = sorted(path.name for path in CAPTURES.iterdir())
    stems = [one.name for one in captures()]
    files = [f"{stem}{suffix}" for stem in stems for suffix in (".json", ".pcapng")]
    assert names == sorted([*files, "README.md", SCHEMA.name])


def test_the_table_is_what_the_captures_say() -> None:
    assert (CAPTURES / "README.md").read_text("utf-8") == table()


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in CAPTURES.iterdir()) < MOST


def test_every_fault_has_its_captures() -> None:
    verdicts = {one.name: one.connections[0]["verdict"] for one in captures()}
    other = {"loss": "unseen", "midway": "unseen", "conflict": "ok", "wrong-port": "ok"}
    for name, fault in FAULTS.items():
        for format in fault.formats:
            assert verdicts[f"{format}-{name}"] == other.get(name, name)


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_capture(verdict: Verdict) -> None:
    assert verdict in shown("")


@pytest.mark.parametrize("format", FORMATS)
def test_every_reason_of_the_vectors_has_a_capture(format: str) -> None:
    reasons = {
        test["result"]
        for name in ("magic", "proxy1", "proxy2", "tlv", "proof", "e5")
        for test in raw(name)
        if test["format"] == format
    }
    assert reasons > {"valid", "truncated"}
    # Which proof is wrong tells only a key, and that is in no capture.
    assert reasons - {"valid", "proof"} <= shown(f"{format}-", f"vectors-{format}-")


@every
def test_all_addresses_are_for_documentation(capture: Capture) -> None:
    checked = 0
    with RawPcapNgReader(str(capture.path)) as reader:
        for octets, said in reader:
            for host in _hosts(octets, said.linktype):  # type: ignore[attr-defined]
                address = ipaddress.ip_address(host)
                assert any(
                    address in network
                    for network in DOCUMENTATION
                    if network.version == address.version
                ), host
                checked += 1
    assert checked


@every
def test_the_packets_are_in_the_order_of_their_times(capture: Capture) -> None:
    reader: Any = RawPcapNgReader(str(capture.path))
    with reader:
        times = [said.tshigh << 32 | said.tslow for _, said in reader]
    assert times == sorted(times)
    assert min(times) > 0


@pytest.mark.parametrize("capture", captures("real"), ids=lambda one: one.name)
def test_no_path_of_whoever_made_it(capture: Capture) -> None:
    octets = capture.path.read_bytes() + capture.path.with_suffix(".json").read_bytes()
    for path in ("/tmp/", "/root", "/home", "/usr/", "/etc/", str(PROJECT)):
        assert path.encode() not in octets


@pytest.mark.parametrize(
    "capture",
    [one for one in captures() if one.pairs],
    ids=lambda one: one.name,
)
def test_a_pair_is_one_client(capture: Capture) -> None:
    by_name = {one.name: one for one in captures()}
    assert len(capture.pairs) == len(capture.connections)
    for pair in capture.pairs:
        front = by_name[pair["front"]].connections[pair["front_number"] - 1]
        behind = capture.connections[pair["number"] - 1]
        assert behind["client"] == front["peer"]
        assert behind["tls"] == front["tls"]
        assert front["tls"]["server_name"]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SHAPE.schema)


@every
def test_what_stands_beside_it_is_whole(capture: Capture) -> None:
    said = json.loads(capture.path.with_suffix(".json").read_text("utf-8"))
    SHAPE.validate(said)
    assert said.keys() >= {"kind", "made_by"}
    numbers = [one["number"] for one in capture.connections]
    assert numbers == list(range(1, len(numbers) + 1))
    assert numbers
    for one in capture.connections:
        assert one.keys() >= {"peer", "listener", "verdict"}
        if one["verdict"] in ("ok", "local"):
            # Else nobody would be held to whom the preamble names.
            assert one.keys() >= {"format", "client"}
            assert (one["client"] is None) is (one["verdict"] == "local")
        elif one["verdict"] in DECODED:
            assert "offset" in one


def _hosts(octets: bytes, link: int) -> list[str]:
    if link in (0, 108):
        number = octets[4] >> 4
        packet: Any = IP(octets[4:]) if number == 4 else IPv6(octets[4:])
    else:
        packet = conf.l2types.num2layer[link](octets)
    layers = [packet[kind] for kind in (IP, IPv6) if kind in packet]
    hosts = [host for layer in layers for host in (layer.src, layer.dst)]
    if ARP in packet:
        hosts += packet[ARP].psrc, packet[ARP].pdst
    assert hosts, packet.summary()
    return hosts


def shown(*beginnings: str) -> set[str]:
    """The verdicts of the captures whose names begin so."""
    return {
        said["verdict"]
        for one in captures()
        if one.name.startswith(beginnings)
        for said in one.connections
    }


def test_who_cannot_make_real_traffic_is_told_what_is_lacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "CAPTURES", tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert generate.main([]) == 69
    said = capsys.readouterr().err
    assert said.startswith("make captures: real traffic needs root")
    assert said.endswith("make captures CAPTURES_ARGS=--crafted\n")
    assert not [*tmp_path.iterdir()]
