"""pairs.py: the two sides of a gateway, whoever captured them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from sslmagic.capture import pairs as pairs_module
from sslmagic.capture.connection import Connection
from sslmagic.capture.pairs import Hop, Pair, Pairs
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from tests.sslmagic.capture.made import (
    CLIENT,
    GATEWAY,
    MS,
    NODE,
    PREAMBLE,
    SHOP,
    START,
    hello,
    judged,
)

HTTP = b"GET / HTTP/1.1\r\n\r\n"


def front(number: int = 1, octets: bytes = hello(), **more: Any) -> Connection:
    more = {"peer": CLIENT, "listener": SHOP, "capture": "front.pcapng"} | more
    return judged(octets, number=number, **more)


def back(
    number: int = 2, octets: bytes = hello(), said: Preamble = PREAMBLE, **more: Any
) -> Connection:
    more = {"opened": START + 5 * MS} | more
    return judged(encode(said) + octets, number=number, **more)


def pairs(*connections: Connection) -> list[Pair]:
    found = Pairs()
    for one in connections:
        found.add(one)
    return list(found.matched())


def numbers(*connections: Connection) -> list[tuple[int, int]]:
    return [(pair.front.number, pair.back.number) for pair in pairs(*connections)]


def test_a_gateway_that_ends_tls_and_begins_another() -> None:
    anew = back(octets=hello(random=9))
    (pair,) = pairs(front(), anew)
    assert pair.by == ("client", "destination", "time")
    # Its own address will do too, where the preamble says the one before translation.
    elsewhere = Preamble(source=CLIENT, destination=("192.0.2.99", 443))
    there = Endpoint(SHOP.host, 40112)
    (pair,) = pairs(front(), back(octets=hello(random=9), said=elsewhere, peer=there))
    assert pair.by == ("client", "host", "time")
    # Of one port that was used twice, the one with the same ClientHello is it.
    assert numbers(front(), front(3, hello(random=9)), anew) == [(3, 2)]


@pytest.mark.parametrize(
    "more",
    [
        {"said": Preamble(source=CLIENT, destination=("192.0.2.99", 443))},
        {"said": Preamble(source=("192.0.2.98", 1), destination=SHOP)},
        {"opened": START + 10_000 * MS},
    ],
)
def test_another_hello_wants_all_else_to_agree(more: dict[str, Any]) -> None:
    assert pairs(front(), back(octets=hello(random=9), **more)) == []


def test_a_preamble_that_is_refused_is_not_missing() -> None:
    octets = encode(PREAMBLE, "proxy2", crc32c=True)
    broken = octets[:-1] + bytes([octets[-1] ^ 1]) + hello()
    spoofed = Preamble(source=("127.0.0.1", 5), destination=SHOP)
    for behind, why in (
        (judged(broken, number=2, opened=START + MS), "checksum"),
        (back(said=spoofed), "source"),
    ):
        (pair,) = pairs(front(), behind)
        assert pair.words.endswith(f"; its preamble is refused: {why}")
    (pair,) = pairs(front(), judged(hello(), number=2, opened=START + MS))
    assert "; no preamble: the node takes the gateway for the client" in pair.words


def test_the_client_of_a_node_connection() -> None:
    for order in itertools.permutations([front(), back()]):
        (pair,) = pairs(*order)
        assert (pair.front.number, pair.back.number) == (1, 2)
        assert pair.words == (
            "client 203.0.113.9:51234 became node connection 10.0.0.5:40112"
        )
        assert pair.by == ("hello", "client", "destination", "time")
        assert pair.candidates == 1


def test_without_tls_the_preamble_and_the_time_tell() -> None:
    (pair,) = pairs(front(octets=HTTP), back(octets=HTTP))
    assert pair.by == ("client", "destination", "time")
    long_ago = front(octets=HTTP, opened=START - 3600_000 * MS)
    assert pairs(long_ago, back(octets=HTTP)) == []


def test_a_port_that_is_used_again_is_told_by_the_hello() -> None:
    fronts = [front(n, hello(random=n)) for n in (1, 2, 3)]
    assert numbers(*fronts, back(9, hello(random=2))) == [(2, 9)]


def test_several_that_it_may_be_are_said() -> None:
    fronts = [front(n, HTTP, opened=START + n * MS) for n in (1, 2)]
    (pair,) = pairs(*fronts, back(9, HTTP, opened=START + 3 * MS))
    assert (pair.front.number, pair.candidates) == (2, 2)
    assert pair.words.endswith("; one of 2 that it may be")


def test_an_address_that_was_translated_is_said() -> None:
    natted = front(peer=Endpoint("192.168.7.7", 5555))
    (pair,) = pairs(natted, back())
    assert pair.by == ("hello", "destination", "time")
    assert pair.words == (
        "client 192.168.7.7:5555 became node connection 10.0.0.5:40112; its preamble"
        " names 203.0.113.9:51234: translated on the way, or not the client's"
    )


def test_a_gateway_that_says_nothing_is_said() -> None:
    plain = judged(hello(), number=2, opened=START + 5 * MS)
    (pair,) = pairs(front(), plain)
    assert (pair.front.number, pair.back.number) == (1, 2)
    assert pair.words.endswith(
        "; no preamble: the node takes the gateway for the client"
    )


def test_a_preamble_that_names_nobody_is_said() -> None:
    (pair,) = pairs(front(), back(said=Preamble.local()))
    assert pair.words.endswith("; its preamble names nobody")


def test_one_hop_captured_at_both_ends_is_no_pair() -> None:
    assert pairs(front(1), front(2)) == []
    assert pairs(back(1), back(2)) == []


def test_a_hello_that_is_said_twice_to_one_listener_is_no_pair() -> None:
    assert pairs(front(1), front(2, peer=GATEWAY)) == []


def test_a_hello_that_many_say_tells_nothing() -> None:
    fronts = [front(n, peer=Endpoint("192.0.2.1", 1000 + n)) for n in (1, 2)]
    assert pairs(*fronts, back(9)) == []
    assert numbers(*fronts, front(3), back(9)) == [(3, 9)]


def test_a_hello_that_very_many_say_is_not_looked_at() -> None:
    plain = [
        judged(hello(), number=n, peer=Endpoint("192.0.2.1", n), opened=START + MS)
        for n in range(10, 40)
    ]
    assert pairs(front(), *plain) == []
    assert numbers(front(), back(9), *plain) == [(1, 9)]


def test_a_hello_at_another_time_is_said_by_somebody_else() -> None:
    natted = front(peer=Endpoint("192.168.7.7", 5555))
    assert pairs(natted, back(opened=START + 3600_000 * MS)) == []
    # Where the preamble names the client as well, the clocks are wrong.
    assert numbers(front(), back(opened=START + 3600_000 * MS)) == [(1, 2)]


def test_a_chain_is_paired_hop_by_hop() -> None:
    hops = [
        front(1),
        back(2),
        back(
            3,
            peer=Endpoint(NODE.host, 33333),
            listener=Endpoint("10.0.2.9", 443),
            opened=START + 9 * MS,
        ),
        judged(
            hello(),
            number=4,
            peer=Endpoint("10.0.2.9", 44444),
            listener=Endpoint("10.0.3.9", 443),
            opened=START + 12 * MS,
        ),
    ]
    for order in itertools.permutations(hops):
        assert numbers(*order) == [(1, 2), (2, 3), (3, 4)]


def test_clocks_may_differ_where_the_preamble_tells_the_direction() -> None:
    assert numbers(front(), back(opened=START - 400 * MS)) == [(1, 2)]


@pytest.mark.parametrize("apart", [0, 1, 5000])
def test_a_port_with_very_many_connections(
    monkeypatch: pytest.MonkeyPatch, apart: int
) -> None:
    looked = 0
    agreeing = pairs_module._agreeing

    def counted(front: Hop, back: Hop) -> tuple[str, ...]:
        nonlocal looked
        looked += 1
        return agreeing(front, back)

    monkeypatch.setattr(pairs_module, "_agreeing", counted)
    found, count = Pairs(), 400
    for n in range(count):
        shop = Endpoint(SHOP.host, 1000 + n)
        opened = START + n * apart * MS
        found.add(front(n, HTTP, listener=shop, opened=opened, lasted=99))
        said = Preamble(source=CLIENT, destination=shop)
        more = {"peer": Endpoint(GATEWAY.host, 20_000 + n), "opened": opened + MS}
        found.add(back(count + n, HTTP, said, **more))
    # Whom the preamble names, and where that one connected to, tell which it is.
    matched = [(pair.front.number, pair.back.number) for pair in found.matched()]
    assert matched == [(n, count + n) for n in range(count)]
    assert looked <= 40 * count


@pytest.mark.parametrize("limit", [2, 4])
def test_the_first_are_forgotten(limit: int) -> None:
    found = Pairs(limit)
    found.add(judged())
    for one in (front(1), back(2), front(3, HTTP, peer=GATEWAY)):
        found.add(one)
    assert found.forgotten == max(3 - limit, 0)
    assert len(list(found.matched())) == (limit == 4)


def test_many_clients_behind_one_gateway() -> None:
    found = Pairs()
    for n in range(1, 501):
        client = Endpoint("203.0.113.9", 10_000 + n)
        said = Preamble(source=client, destination=SHOP)
        found.add(front(n, hello(random=n), peer=client))
        peer = Endpoint(GATEWAY.host, 20_000 + n)
        found.add(back(1000 + n, hello(random=n), said, peer=peer))
    assert [(p.front.number, p.back.number) for p in found.matched()] == [
        (n, 1000 + n) for n in range(1, 501)
    ]
