"""faults.py: the second reader, which shares no line with it, says the same."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.dissect.faults import FAULTS, Draft
from sslmagic.dissect.recipe import Recipe
from sslmagic.errors import EncodeError, Reason
from sslmagic.preamble import Preamble
from sslmagic.wire import FORMATS, encode
from tests.sslmagic.dissect.recipes import IPV4, IPV6, PATH, session
from tests.vectors.second.octets import Refused
from tests.vectors.second.reader import decode

DECODED = [
    *("format", "version", "command", "family", "length", "oversize"),
    *("line", "address", "tlv", "checksum", "profile", "truncated"),
]
"""Those that a decoder refuses."""
BELIEVED = ["source", "transport", "nested", "hello", "local", "conflict", "wrong-port"]
"""Those that are valid preambles."""
STOPPED = ["timeout", "reset", "waiting"]
NONE = ["missing", "late", "silent", "loss", "midway"]

every = pytest.mark.parametrize(
    ("name", "format"),
    [(name, format) for name in FAULTS for format in FAULTS[name].formats],
)
every_family = pytest.mark.parametrize("preamble", [IPV4, IPV6], ids=["ipv4", "ipv6"])


def second(octets: bytes, format: str) -> tuple[str, int | None, dict[str, Any]]:
    try:
        return "valid", None, decode(octets, format)
    except Refused as refusal:
        return refusal.reason, refusal.offset, {}


def test_every_fault_is_of_one_kind() -> None:
    assert sorted(FAULTS) == sorted([*DECODED, *BELIEVED, *STOPPED, *NONE])
    shown = {reason.value for reason in Reason} & set(FAULTS)
    # What octets cannot show: who may connect, keys, and how many others waited.
    assert {reason.value for reason in Reason} - shown == {
        "peer",
        "proof",
        "waiting",
    } - ({"waiting"} & shown)


@every
@every_family
def test_the_second_reader_agrees(name: str, format: str, preamble: Preamble) -> None:
    recipe = Recipe(
        path=PATH, preamble=preamble, format=format, session=session(), fault=name
    )
    made = recipe.made()
    verdict, offset = made.expected["verdict"], made.expected.get("offset")
    stream = made.exchange.said["peer"]
    found, where, decoded = second(stream, format)
    if name in DECODED:
        assert (found, where) == (verdict, offset)
    elif name in STOPPED:
        assert (found, where, verdict) == ("truncated", len(stream), name)
    elif name in ("missing", "late"):
        assert (found, where, verdict) == ("format", 0, name)
    else:
        assert found == ("truncated" if name == "silent" else "valid")
        if name == "nested":
            assert isinstance(offset, int)
            assert second(stream[offset:], format)[0] == "valid"
        said: Any = made.expected.get("preamble") or {}
        tlvs = said.pop("tlvs", [])
        assert {key: decoded[key] for key in said} == said
        assert len(decoded.get("tlvs", [])) == len(tlvs)


def test_a_decoder_would_take_it_without_the_fault() -> None:
    for format in FORMATS:
        made = Recipe(path=PATH, preamble=IPV4, format=format).made()
        assert second(made.exchange.said["peer"], format)[0] == "valid"
        assert made.expected["verdict"] == "ok"


@pytest.mark.parametrize("name", ["source", "conflict", "length", "address"])
def test_a_fault_of_addresses_needs_some(name: str) -> None:
    draft = Draft(format="magic", preamble=Preamble.local(), octets=bytes(12))
    with pytest.raises(EncodeError):
        FAULTS[name].change(draft)


def test_a_spoofed_client_is_the_one_who_is_not_kept() -> None:
    draft = Draft(format="magic", preamble=IPV4, octets=encode(IPV4))
    changed = FAULTS["conflict"].change(draft)
    assert len(changed.conflicting) == len(changed.octets)
    assert decode(changed.conflicting, "magic")["source"]["host"] == "192.0.2.66"
