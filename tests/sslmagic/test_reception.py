"""reception.py: the one receiver, whoever moves its octets."""

from __future__ import annotations

import itertools

import pytest

from sslmagic.errors import ProofError, Reason
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.proof import Bind, seal
from sslmagic.reception import DEADLINE, Accepted, Counters, Reception, Refused
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS, LIMITS, Frame, encode
from tests.vectors.vector import Vector, vectors

CLIENT = Endpoint("203.0.113.9", 51234)
PREAMBLE = Preamble(source=CLIENT, destination=("198.51.100.2", 443))
OCTETS = encode(PREAMBLE)
TRUST = Trust(peers=["10.0.0.0/8"], direct=["10.0.9.0/24"])
PEER = Endpoint("10.0.0.1", 40000)


class Demand:
    """A verifier that must see some octets and remembers what it saw."""

    def __init__(self, octets: int, *, refuse: str = "") -> None:
        self.octets = octets
        self.refuse = refuse
        self.seen: list[bytes] = []

    def bound(self, frame: Frame, peer: Endpoint | UnixEndpoint) -> int:
        if self.refuse == "bound":
            raise ProofError("no such key")
        return self.octets

    def verify(
        self, frame: Frame, bound: bytes, peer: Endpoint | UnixEndpoint, now: float
    ) -> None:
        self.seen.append(bound)
        if self.refuse == "verify":
            raise ProofError("the tag does not match")


def refused(outcome: Accepted | Refused | None) -> Reason:
    assert isinstance(outcome, Refused)
    return outcome.reason


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_the_short_cut_is_no_way_of_its_own(vector: Vector) -> None:
    trust = Trust(peers=["10.0.0.0/8"], formats=FORMATS, loopback_sources=True)
    short = Reception(trust, PEER, 100.0)
    # With a limit there is no short cut.
    limit = LIMITS[vector.format]
    long = Reception(trust, PEER, 100.0, limit=limit)
    octets = vector.octets
    assert short.feed(octets, 101.0) == long.feed(octets, 101.0)
    assert short.outcome == long.outcome
    assert short.rest == long.rest
    assert short.wanted == long.wanted
    assert short.frame == long.frame
    assert short.rest == long.rest


class Empty(Demand):
    """A verifier that is false, as an empty container is."""

    def __len__(self) -> int:
        return 0


def test_a_verifier_is_asked_even_if_it_is_false() -> None:
    demand = Empty(0, refuse="verify")
    reception = Reception(TRUST, PEER, 100.0, verifier=demand)
    assert refused(reception.feed(OCTETS, 101.0)) is Reason.PROOF
    assert demand.seen == [b""]


def test_a_trusted_peer_speaks_for_its_client() -> None:
    reception = Reception(TRUST, PEER, 100.0)
    assert reception.deadline == 100.0 + DEADLINE
    stream = OCTETS + b"\x16\x03\x01"
    taken = 0
    while reception.outcome is None:
        assert reception.peek == 0
        step = reception.wanted
        reception.feed(stream[taken : taken + step], 101.0)
        taken += step
    assert reception.outcome == Accepted(CLIENT, PEER, PREAMBLE)
    assert taken == len(OCTETS)
    assert (reception.wanted, reception.rest) == (0, b"")


def test_octets_fed_too_many_are_the_rest() -> None:
    reception = Reception(TRUST, PEER, 0.0)
    assert isinstance(reception.feed(OCTETS + b"rest", 0.0), Accepted)
    assert reception.rest == b"rest"


def test_every_split_has_the_same_outcome() -> None:
    for cuts in itertools.combinations(range(1, len(OCTETS) + 2), 2):
        stream = OCTETS + b"xyz"
        parts = stream[: cuts[0]], stream[cuts[0] : cuts[1]], stream[cuts[1] :]
        reception = Reception(TRUST, PEER, 0.0)
        behind = b""
        for part in parts:
            if reception.outcome is None:
                reception.feed(part, 0.0)
            else:
                behind += part
        assert reception.outcome == Accepted(CLIENT, PEER, PREAMBLE)
        assert reception.rest + behind == b"xyz"


def test_a_direct_peer_is_a_client_and_never_read() -> None:
    peer = Endpoint("10.0.9.1", 40000)
    reception = Reception(TRUST, peer, 0.0)
    assert reception.outcome == Accepted(peer, peer, None)
    assert reception.wanted == 0
    assert reception.feed(OCTETS, 0.0) == Accepted(peer, peer, None)


def test_another_peer_is_refused_before_it_speaks() -> None:
    reception = Reception(TRUST, Endpoint("192.0.2.1", 1), 0.0)
    assert refused(reception.outcome) is Reason.PEER
    assert reception.wanted == 0
    assert refused(reception.close(0.0)) is Reason.PEER


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"\x16\x03\x01", Reason.FORMAT),
        (encode(PREAMBLE, "proxy2"), Reason.FORMAT),
        (OCTETS[:20] + b"\0\0" + OCTETS[22:], Reason.ADDRESS),
        (
            encode(Preamble(source=("127.0.0.1", 1), destination=("::", 0))),
            Reason.SOURCE,
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_reason(
    octets: bytes, reason: Reason
) -> None:
    reception = Reception(TRUST, PEER, 0.0)
    outcome = reception.feed(octets, 0.0)
    assert refused(outcome) is reason
    assert reception.feed(OCTETS, 0.0) is outcome


def test_the_deadline_is_absolute() -> None:
    reception = Reception(TRUST, PEER, 10.0, deadline=3.0)
    assert reception.feed(OCTETS[:1], 12.9) is None
    assert reception.expire(12.99) is None
    assert refused(reception.feed(OCTETS[1:], 13.0)) is Reason.TIMEOUT
    assert refused(reception.expire(14.0)) is Reason.TIMEOUT


def test_an_outcome_does_not_expire() -> None:
    reception = Reception(TRUST, PEER, 0.0)
    accepted = reception.feed(OCTETS, 0.0)
    assert reception.expire(99.0) is accepted
    assert reception.close(99.0) is accepted
    assert reception.reset(99.0) is accepted


def test_a_peer_that_ends_or_fails() -> None:
    reception = Reception(TRUST, PEER, 0.0)
    reception.feed(OCTETS[:7], 0.0)
    assert refused(reception.close(1.0)) is Reason.TRUNCATED
    assert refused(Reception(TRUST, PEER, 0.0).close(1.0)) is Reason.TRUNCATED
    assert refused(Reception(TRUST, PEER, 0.0).reset(1.0)) is Reason.RESET
    assert refused(Reception(TRUST, PEER, 0.0).close(9.0)) is Reason.TIMEOUT
    assert refused(Reception(TRUST, PEER, 0.0).reset(9.0)) is Reason.TIMEOUT


def test_a_proof_without_keys_is_refused_clearly() -> None:
    octets = seal(
        PREAMBLE,
        key=bytes(32),
        key_id=1,
        audience="shop",
        created=0,
        nonce=bytes(16),
        bind=Bind.NOTHING,
    )
    outcome = Reception(TRUST, PEER, 0.0).feed(octets, 0.0)
    assert refused(outcome) is Reason.PROOF
    assert isinstance(outcome, Refused)
    assert "no keys" in outcome.detail


def test_a_verifier_sees_what_it_demands_and_leaves_it() -> None:
    verifier = Demand(2000)
    reception = Reception(TRUST, PEER, 0.0, verifier=verifier)
    for octet in OCTETS:
        reception.feed(bytes([octet]), 0.0)
    assert reception.outcome is None
    assert (reception.wanted, reception.peek) == (0, 2000)
    assert reception.look(bytes(1999), 1.0) is None
    assert reception.peek == 2000
    assert verifier.seen == []
    assert reception.look(b"h" * 2001, 2.0) == Accepted(CLIENT, PEER, PREAMBLE)
    assert verifier.seen == [b"h" * 2000]
    assert (reception.peek, reception.rest) == (0, b"")


def test_an_adapter_that_cannot_peek_feeds_instead() -> None:
    verifier = Demand(4)
    reception = Reception(TRUST, PEER, 0.0, verifier=verifier)
    assert reception.feed(OCTETS + b"he", 0.0) is None
    assert reception.peek == 4
    assert isinstance(reception.feed(b"llo", 0.0), Accepted)
    assert verifier.seen == [b"hell"]
    assert reception.rest == b"hello"


def test_a_verifier_that_needs_nothing() -> None:
    verifier = Demand(0)
    reception = Reception(TRUST, PEER, 0.0, verifier=verifier)
    assert isinstance(reception.feed(OCTETS, 0.0), Accepted)
    assert verifier.seen == [b""]


@pytest.mark.parametrize("step", ["bound", "verify"])
def test_a_verifier_that_refuses(step: str) -> None:
    verifier = Demand(2, refuse=step)
    reception = Reception(TRUST, PEER, 0.0, verifier=verifier)
    assert refused(reception.feed(OCTETS + b"hello", 0.0)) is Reason.PROOF
    assert (reception.wanted, reception.peek) == (0, 0)


def test_addresses_are_parsed_after_the_proof() -> None:
    verifier = Demand(0, refuse="verify")
    wrong = OCTETS[:20] + b"\0\0" + OCTETS[22:]
    reception = Reception(TRUST, PEER, 0.0, verifier=verifier)
    assert refused(reception.feed(wrong, 0.0)) is Reason.PROOF


def test_looking_before_the_preamble_changes_nothing() -> None:
    reception = Reception(TRUST, PEER, 0.0, verifier=Demand(2))
    assert reception.look(b"hello", 0.0) is None
    assert reception.wanted == 12


def test_the_deadline_holds_while_octets_are_awaited() -> None:
    reception = Reception(TRUST, PEER, 0.0, verifier=Demand(9), deadline=3.0)
    reception.feed(OCTETS, 0.0)
    assert refused(reception.look(bytes(9), 3.0)) is Reason.TIMEOUT
    reception = Reception(TRUST, PEER, 0.0, verifier=Demand(9))
    reception.feed(OCTETS, 0.0)
    assert refused(reception.close(1.0)) is Reason.TRUNCATED


def test_counting_outcomes() -> None:
    counters = Counters()
    counters.count(Accepted(CLIENT, PEER, PREAMBLE))
    counters.count(Accepted(PEER, PEER))
    counters.count(Refused(PEER, Reason.TIMEOUT, "late"))
    counters.refuse(Reason.WAITING)
    assert counters.refused[Reason.TIMEOUT] == 1
    assert set(counters.refused) == set(Reason)
    assert counters.snapshot() == {
        "accepted": 2,
        "direct": 1,
        "refused_timeout": 1,
        "refused_waiting": 1,
    }


def test_the_frame_is_there_before_it_is_believed() -> None:
    reception = Reception(TRUST, PEER, 0.0)
    assert reception.frame is None
    spoofed = encode(Preamble(source=("127.0.0.1", 5), destination=("10.0.0.9", 443)))
    assert isinstance(reception.feed(spoofed + b"rest", 0.0), Refused)
    assert reception.frame == Frame("magic", spoofed)
