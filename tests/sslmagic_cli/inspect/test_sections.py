"""sections.py: the tables of a report."""

from __future__ import annotations

from sslmagic.capture.pairs import Pairs
from sslmagic.capture.totals import Totals
from sslmagic.wire import encode
from sslmagic_cli.inspect.sections import (
    as_front,
    connection_row,
    connections,
    parts,
    sides,
    tiles,
    verdicts,
)
from tests.sslmagic.capture.made import CLIENT, PREAMBLE, SHOP, hello, judged
from tests.sslmagic_cli.inspect.captured import EVIL
from tests.sslmagic_cli.inspect.strict import Element, parsed
from tests.vectors.vector import vectors


def read(said: str) -> Element:
    return parsed(f"<!DOCTYPE html>\n<html>{said}</html>")


def totals_of(*streams: bytes) -> Totals:
    totals = Totals()
    for octets in streams:
        totals.add(judged(octets))
    return totals


def test_tiles() -> None:
    totals = totals_of(hello(), encode(PREAMBLE))
    assert read(tiles(totals, 0, 0)).said().split() == [
        *("2", "connections", "1", "faults", "1", "networks", "of", "clients"),
        *("0.5", "s", "in", "the", "capture"),
    ]
    assert "0 faults" in " ".join(read(tiles(totals, 1, 1)).said().split())
    assert " - " in read(tiles(Totals(), 0, 0)).said()


def test_verdicts_and_what_to_do() -> None:
    said = read(verdicts(totals_of(hello(), encode(PREAMBLE)), 1)).said()
    assert "A preamble names the client." in said
    assert "Turn it on at the sender" in said
    assert "1 of them are the client's side of a gateway" in " ".join(said.split())
    assert verdicts(Totals(), 0) == ""


def test_a_row() -> None:
    one = connection_row(judged(encode(PREAMBLE) + hello(EVIL)))
    page = read(f"<table>{one}</table>")
    cells = [" ".join(cell.said().split()) for cell in page.all("td")]
    assert cells == [
        *("1", "01:00:00.000", "203.0.113.9:51234", "10.0.0.5:40112"),
        *("10.0.1.7:8443", "magic", "ok"),
        "</script><img src=x onerror=alert(1)>\\x1b[31m",
    ]
    signed = next(
        vector.wire
        for vector in vectors()
        if vector.valid and vector.decoded and vector.decoded["proof"]
    )
    page = read(f"<table>{connection_row(judged(signed + hello()))}</table>")
    assert "signed, the proof is not verified (no keys here)" in page.said()
    plain = read(connection_row(judged(encode(PREAMBLE) + b"GET / HTTP/1.1\r\n")))
    assert [one.text for one in plain.all("i")] == ["http"]


def test_a_front_is_not_blamed() -> None:
    one = connection_row(judged(hello()))
    assert "without a preamble" in one
    front = as_front(one)
    assert "without a preamble" not in front
    assert '<span class="pill front">front</span>' in front
    assert '<tr data-verdict="front">' in front
    for fronts, names in ((1, ["missing", "front"]), (2, ["front"])):
        page = read(connections([front], totals_of(hello(), hello()), fronts))
        assert [one.text for one in page.all("option")] == ["every verdict", *names]
    assert "shop.example" in front


def test_connections_that_are_too_many_are_said() -> None:
    totals = totals_of(hello(), b"")
    row = connection_row(judged(hello()))
    page = read(connections([row], totals, 0))
    assert "The first 1 connection of 2 are in this table" in page.said()
    assert [one.text for one in page.all("option")] == [
        *("every verdict", "missing", "silent")
    ]
    assert "first" not in connections([row, row], totals, 0)
    assert connections([], totals, 0) == ""


def test_pairs() -> None:
    pairs = Pairs()
    for n in range(1, 1003):
        tls = hello(random=n)
        pairs.add(judged(tls, peer=CLIENT, listener=SHOP, number=n))
        pairs.add(judged(encode(PREAMBLE) + tls, number=2000 + n))
    page = read(sides([*pairs.matched()]))
    assert "The first 1,000 of 1,002." in page.said()
    assert len([*page.all("tr")]) == 1001
    assert sides([]) == ""
    assert "The first 7 connections matched with none" in sides([], 7)


def test_parts() -> None:
    names = [f"{n}.example".encode() for n in range(20)]
    page = read(parts(totals_of(*map(hello, [*names, EVIL, EVIL]))))
    said = page.said()
    assert "</script><img src=x onerror=alert(1)>\\x1b[31m" in said
    assert "11 more" in said
    assert parts(Totals()) == ""
