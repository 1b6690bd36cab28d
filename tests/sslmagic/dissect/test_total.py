"""Layers that give back whatever they were given."""

from __future__ import annotations

import copyreg
import json
import pickle
from types import MethodType

import pytest

from sslmagic.dissect.scapy_layer import MAGIC, NOTHING, Cut, PROXYv2
from tests.sslmagic.dissect.layers import rebuilt


def test_what_is_cut_is_a_value() -> None:
    assert Cut(b"a") == Cut(b"a") != Cut(b"b")
    assert len({Cut(b"a"), Cut(b"a"), NOTHING}) == 2
    assert str(Cut(b"a")) == repr(Cut(b"a")) == "Cut(b'a')"


@pytest.mark.parametrize(
    "layer",
    [
        PROXYv2(version=3),
        PROXYv2(cmd=5),
        PROXYv2(transport=0x13),
        PROXYv2(signature=b"\r\n\r\n\0\r\nQUIT!"),
        MAGIC(record=0x0301),
        MAGIC(profile=9),
    ],
    ids=lambda layer: layer.command(),
)
def test_what_has_no_meaning_is_not_read(layer: MAGIC) -> None:
    octets = bytes(layer)
    lost = type(layer)(octets)
    assert lost.unread
    assert lost.tlvs == []
    assert octets.endswith(lost.unread)
    assert rebuilt(lost) == octets


def test_it_is_pickled_and_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    # Once Twisted is loaded methods are pickled in its way, which knows no classes'.
    monkeypatch.delitem(copyreg.dispatch_table, MethodType, raising=False)
    layer = MAGIC(bytes(MAGIC())[:15])
    assert bytes(pickle.loads(pickle.dumps(layer))) == bytes(layer)
    assert layer.copy() == layer


def test_json_has_what_there_was() -> None:
    octets = bytes(MAGIC(source="203.0.113.9"))
    layer = MAGIC(octets[:14])
    assert json.loads(layer.json())["source"] == "\\xcb\x00"
    assert json.loads(layer.json())["destination"] == ""


def test_a_command_makes_it_again() -> None:
    layer = MAGIC(bytes(MAGIC())[:15])
    again = eval(layer.command(), {"MAGIC": MAGIC, "Cut": Cut})
    assert rebuilt(again) == bytes(MAGIC())[:15]
