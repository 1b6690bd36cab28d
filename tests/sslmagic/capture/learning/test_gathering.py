"""Conversations and who their clients are: by the ClientHello, or by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic.capture.conversations import conversations
from sslmagic.capture.learning import gathering
from sslmagic.capture.learning.gathering import Fronts, gather, wanted
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from tests.sslmagic.capture.learning.recorded import Connection, client_hello, record

SHOP, NODE = Endpoint("198.51.100.2", 443), Endpoint("10.0.1.7", 8443)
CLIENTS = [Endpoint("203.0.113.9", 51234), Endpoint("2001:db8::7", 40001)]
HELLOS = [client_hello(bytes((n,)) * 32) for n in range(3)]
SAID = [encode(Preamble(source=one, destination=SHOP)) for one in CLIENTS]


def peer(number: int) -> Endpoint:
    return Endpoint("10.0.0.5", 40000 + number)


def back(tmp_path: Path, *octets: bytes, at: float = 0.01) -> Path:
    rows = [
        Connection(peer(n), NODE, one, at + n) for n, one in enumerate(octets) if one
    ]
    return record(tmp_path / "back.pcap", rows)


def front(tmp_path: Path) -> Fronts:
    rows = [
        Connection(
            one, SHOP._replace(host="::2") if ":" in one.host else SHOP, hello, n
        )
        for n, (one, hello) in enumerate(zip(CLIENTS, HELLOS, strict=False))
    ]
    path = record(tmp_path / "front.pcap", rows)
    return Fronts(conversations([path], wanted=wanted))


def test_a_hello_tells_whose_it_is(tmp_path: Path) -> None:
    fronts = front(tmp_path)
    assert len(fronts) == 2
    said = [one + hello for one, hello in zip(SAID, HELLOS, strict=False)]
    others = [b"\0" + HELLOS[2], b"SSH-2.0-x\r\n", b"id;GET / HTTP/1.1\r\n\r\n"]
    path = back(tmp_path, *said, *others)
    found = gather(conversations([path], wanted=wanted), fronts=fronts)
    assert [one.client for one in found.samples] == CLIENTS
    assert [one.octets for one in found.samples] == SAID
    assert [str(one.destination) for one in found.samples] == [str(SHOP), "[::2]:443"]
    assert [one.peer for one in found.samples] == [peer(0), peer(1)]
    assert (found.nobodys, found.strange, found.silent) == (2, 1, 0)


def test_a_hello_of_another_time_is_anothers(tmp_path: Path) -> None:
    path = back(tmp_path, SAID[0] + HELLOS[0], at=60)
    found = gather(conversations([path], wanted=wanted), fronts=front(tmp_path))
    assert (found.samples, found.nobodys) == ([], 1)


@pytest.mark.parametrize("hosts_only", [False, True])
def test_clients_by_name(tmp_path: Path, hosts_only: bool) -> None:
    same = CLIENTS[0]._replace(port=51236)
    again = encode(Preamble(source=same, destination=SHOP))
    clients = [CLIENTS[0], CLIENTS[1], same]
    if hosts_only:
        clients = [one._replace(port=0) for one in clients]
    rows = [one + HELLOS[2] for one in (*SAID, again, b"\xcd")]
    path = back(tmp_path, *rows)
    found = gather(
        conversations([path], wanted=wanted), clients=clients, destination=SHOP
    )
    assert [one.client for one in found.samples] == clients
    assert {one.destination for one in found.samples} == {SHOP}
    assert found.nobodys == 1


def test_two_that_a_preamble_may_mean_are_none(tmp_path: Path) -> None:
    clients = [Endpoint("203.0.113.9", 0), Endpoint("198.51.100.2", 0)]
    path = back(tmp_path, SAID[0] + HELLOS[0])
    found = gather(conversations([path], wanted=wanted), clients=clients)
    assert (found.samples, found.nobodys) == ([], 1)


def test_no_more_samples_than_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "MOST_SAMPLES", 1)
    path = back(tmp_path, *(one + HELLOS[0] for one in SAID))
    found = gather(conversations([path], wanted=wanted), clients=CLIENTS)
    assert (len(found.samples), found.surplus) == (1, 1)


def test_as_much_of_a_front_as_holds_the_hello() -> None:
    octets = SAID[0] + HELLOS[0]
    assert wanted(octets[:5]) > 4096
    assert wanted(octets) == len(octets)
    request = b"GET / HTTP/1.1\r\n"
    assert wanted(request) <= len(request)


def test_a_hello_that_two_said_is_nobodys(tmp_path: Path) -> None:
    rows = [Connection(one, NODE, HELLOS[0], n) for n, one in enumerate(CLIENTS)]
    rows = [row._replace(listener=NODE._replace(host="::2")) if n else row
            for n, row in enumerate(rows)]  # fmt: skip
    fronts = Fronts(conversations([record(tmp_path / "f.pcap", rows)], wanted=wanted))
    path = back(tmp_path, SAID[0] + HELLOS[0])
    found = gather(conversations([path], wanted=wanted), fronts=fronts)
    assert (found.samples, found.nobodys, found.needs) == ([], 1, ())


def test_a_name_is_not_the_front_of_a_longer_one(tmp_path: Path) -> None:
    rows = [b"PX 203.0.113.%d 5123%d\r\n" % (host, host) for host in (1, 10, 19)]
    path = back(tmp_path, *(row + HELLOS[0] for row in rows))
    clients = [Endpoint("203.0.113.1", 0)]
    found = gather(conversations([path], wanted=wanted), clients=clients)
    assert ([one.octets for one in found.samples], found.nobodys) == (rows[:1], 2)
    assert found.samples[0].is_named
    circular, few = found.needs
    assert circular.startswith("the clients are those that the preambles themselves")
    assert few.startswith("only 1 of 3 connections name a client that was named")
