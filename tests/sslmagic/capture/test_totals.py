"""totals.py: counts of everything, in bounded memory."""

from __future__ import annotations

import pytest

from sslmagic.capture.totals import Tally, Totals, network
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.wire import encode
from tests.sslmagic.capture.made import MS, PREAMBLE, START, hello, judged


def test_everything_is_counted() -> None:
    totals = Totals()
    assert (totals.first, totals.last) == (None, None)
    for one in (
        judged(encode(PREAMBLE) + hello(), opened=START + MS),
        judged(
            encode(PREAMBLE, "proxy2") + hello("www.example"), b"\x15\x03\3\0\2\2\x0a"
        ),
        judged(hello("www.example"), peer=Endpoint("10.0.0.6", 1)),
        judged(lasted=5 * MS, conflicting=2),
    ):
        totals.add(one)
    assert (totals.conflicting, totals.rebuffed) == (1, 1)
    assert (totals.connections, totals.faults) == (4, 2)
    assert (totals.first, totals.last) == (START, START + 501 * MS)
    assert next(iter(totals.by_verdict())) == (Verdict.OK, 2)
    assert totals.verdicts == {"ok": 2, "missing": 1, "silent": 1}
    assert totals.formats == {"magic": 1, "proxy2": 1, "none": 2}
    assert totals.clients.most() == [("203.0.113.0/24", 2)]
    assert totals.peers.most(1) == [("10.0.0.5", 3)]
    assert totals.listeners.most() == [("10.0.1.7:8443", 4)]
    assert totals.server_names.most() == [("www.example", 2), ("shop.example", 1)]


def test_a_tally_is_bounded_and_loses_no_count() -> None:
    tally = Tally(most=10)
    for n in range(1000):
        tally.add("often")
        tally.add(f"once {n}")
    assert len(tally) <= 20
    assert tally.most(1) == [("often", 1000)]
    assert tally.others + sum(count for _, count in tally.most()) == 2000


@pytest.mark.parametrize(
    ("client", "counted"),
    [
        (Endpoint("203.0.113.9", 1), "203.0.113.0/24"),
        (Endpoint("2001:db8:1:2::9", 1), "2001:db8:1::/48"),
        (Endpoint("fe80::1%eth0", 1), "fe80::/48"),
        (UnixEndpoint("/run/a"), "unix"),
    ],
)
def test_clients_are_counted_by_network(
    client: Endpoint | UnixEndpoint, counted: str
) -> None:
    assert network(client) == counted
