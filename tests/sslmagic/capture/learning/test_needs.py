"""needs.py: what is not sure is said, with what would settle it."""

from __future__ import annotations

import ipaddress
import random

from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint
from tests.sslmagic.capture.learning.invented import Invented, Traffic


def framed(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
    host = ipaddress.ip_address(c.host).packed
    return b"\x56\xec" + host + c.port.to_bytes(2, "big")


def test_a_family_that_was_seen_is_not_said_to_be_lacking() -> None:
    """Nothing tells its addresses apart from the other's, so one is left out."""

    def alike(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        host = ipaddress.ip_address(c.host).packed
        return b"\xb1" + host + c.port.to_bytes(2, "big")

    lesson = learn(Traffic(Invented("alike", alike), 1).samples(8))
    (taught,) = lesson.variants
    other = {"IPv4": "IPv6", "IPv6": "IPv4"}[taught.family]
    said = "\n".join(lesson.needs)
    assert "is left out" in said
    assert f"nothing learnt of {other} clients" in said
    assert f"no {other} client" not in said


def test_clients_with_the_same_high_octet_in_their_ports() -> None:
    traffic = Traffic(Invented("framed", framed), 1)
    samples = [
        Sample(framed(client, there, random.Random(), 0), client, there)
        for number in range(4)
        for client in (Endpoint(traffic.endpoint(4).host, 0xC800 + number),)
        for there in (Endpoint("198.51.100.2", 443),)
    ]
    lesson = learn(samples, "framed")
    assert lesson.layout is not None
    said = "all IPv4 clients' ports have the same high octet"
    assert any(need.startswith(said) for need in lesson.needs)


def test_what_was_constant_here_is_said() -> None:
    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        return f"FROM {c.host} {c.port} v=7 \n".encode()

    layout = Invented("from", write, (4,))
    lesson = learn(Traffic(layout, 1).samples(12), "from")
    assert lesson.sure <= 0.9
    said = "6 octets were constant here: capture another hour"
    assert any(need.startswith(said) for need in lesson.needs), lesson.needs


def test_one_client_and_no_destination() -> None:
    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        return f"FROM {c.host} {c.port}\n".encode()

    client = Traffic(Invented("from", write), 1).endpoint(4)
    node = Endpoint("10.0.0.5", 8443)
    samples = [
        Sample(write(one, node, random.Random(), 0), one, node)
        for port in (40001, 50002, 60003)
        for one in (Endpoint(client.host, port),)
    ]
    needs = learn(samples, "from").needs
    assert "one IPv4 client address only: give another one" in needs
    assert any(need.startswith("no destination was found") for need in needs)


def test_lengths_that_hardly_differ_are_said_to() -> None:
    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        body = framed(c, d, chance, n) + b"x" * (n % 2)
        return b"L%d:" % (len(body) + 9) + body

    lesson = learn(Traffic(Invented("lengthy", write, (4,)), 1).samples(12), "lengthy")
    said = "a length took 2 values that are close: give connections whose"
    assert any(need.startswith(said) for need in lesson.needs), lesson.needs
    assert lesson.sure <= 0.75


def test_long_constants_are_counted() -> None:
    filler = random.Random(1).randbytes(1700)

    def write(c: Endpoint, d: Endpoint, chance: random.Random, n: int) -> bytes:
        return framed(c, d, chance, n) + filler

    lesson = learn(Traffic(Invented("long", write, (4,)), 1).samples(12), "long")
    assert lesson.layout is not None
    (need,) = (one for one in lesson.needs if "constant" in one)
    assert int(need.split()[0]) >= 1700
