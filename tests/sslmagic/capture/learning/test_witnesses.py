"""Witnesses: those that name their client as most do, whoever else is among them."""

from __future__ import annotations

from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.witnesses import witnesses
from sslmagic.preamble import Endpoint
from tests.sslmagic.capture.learning.invented import FIXED, Traffic, random_layout


def test_clients_behind_nat_are_none() -> None:
    for layout in (*FIXED[:1], *FIXED[3:]):
        samples = Traffic(layout, 3).samples(12, nat=0.25, noise=3)
        found = witnesses([one for one in samples if one.octets])
        assert len(found) == 9
        truth = {one.client for one in found}
        assert len(truth) == 9


def test_of_two_formats_the_one_of_most() -> None:
    many = Traffic(random_layout(1), 3).samples(6)
    few = Traffic(random_layout(2), 4).samples(2)
    assert set(witnesses([*many, *few])) <= set(many)


def test_a_preamble_may_begin_with_its_client() -> None:
    node = Endpoint("10.0.0.5", 8443)
    clients = [Traffic(FIXED[0], n).endpoint(4) for n in range(6)]
    samples = [
        Sample(f"{one.port},{one.host}\n".encode(), one, node) for one in clients
    ]
    assert witnesses(samples) == samples


def test_a_port_that_most_do_not_say_is_not_asked_for() -> None:
    node = Endpoint("10.0.0.5", 8443)
    clients = [Traffic(FIXED[0], n).endpoint(4) for n in range(6)]
    samples = [Sample(f"C={one.host}\n".encode(), one, node) for one in clients]
    assert witnesses(samples) == samples
    assert witnesses([Sample(b"C=1.2.3.45\n", Endpoint("1.2.3.4", 1), node)]) == []


def test_words_in_front_are_counted_however_long_they_are() -> None:
    node = Endpoint("10.0.0.5", 8443)
    clients = [Endpoint(f"203.0.113.{n}", 5000 + n) for n in (7, 88, 99)]
    samples = [
        Sample(b"%s %s %s;" % (b"x" * n, b"y" * (n * n), one.host.encode()), one, node)
        for n, one in enumerate(clients, 1)
    ]
    assert witnesses(samples) == samples
    other = Sample(b"x y z %s;" % clients[0].host.encode(), clients[0], node)
    assert witnesses([*samples, other]) == samples
