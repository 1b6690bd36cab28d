"""judge.py: a receiver's verdict, and what only somebody who looks on can tell."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from sslmagic.capture.conversation import Ended
from sslmagic.capture.judge import ANYBODY, Judge
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS, encode
from tests.sslmagic.capture.made import (
    CLIENT,
    GATEWAY,
    MS,
    PREAMBLE,
    START,
    conversation,
    hello,
    judged,
)
from tests.vectors.vector import Vector, vectors

MAGIC = encode(PREAMBLE)
CLOSED: dict[str, Any] = {"ended": Ended.CLOSED, "ended_by": "peer", "ends": True}


@pytest.mark.parametrize("format", FORMATS)
def test_a_preamble_and_its_tls(format: str) -> None:
    octets = encode(PREAMBLE, format)
    cuts = [len(octets) - 1, len(octets) + 10]
    one = judged(octets + hello(), b"\x16\x03\x03\0\1\2", cuts=cuts, **CLOSED)
    assert (one.verdict, one.format, one.client) == (Verdict.OK, format, CLIENT)
    assert (one.preamble, one.is_fault, one.offset) == (PREAMBLE, False, None)
    assert one.words == "the client is 203.0.113.9:51234"
    assert (one.follows, one.answer) == ("tls", "tls")
    assert one.tls
    assert one.tls.server_name == "shop.example"
    assert one.hello == hello()
    assert one.timing.accepted == START + MS // 2
    assert one.timing.preamble == START + 2 * MS
    assert one.timing.hello == START + 3 * MS
    assert one.timing.answer == START + 21 * MS
    assert one.timing.closed == START + 500 * MS


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_every_vector_is_judged_as_a_receiver_does(vector: Vector) -> None:
    trust = Trust(["10.0.0.0/8"], formats=vector.format)
    judge = Judge(trust, limit=vector.limit)
    one = judge.judge(conversation(vector.octets, **CLOSED))
    if vector.valid:
        assert (
            not one.is_fault
            or one.verdict
            in (
                Verdict.NESTED,
                Verdict.SOURCE,
                Verdict.TRANSPORT,
                Verdict.HELLO,
            )
            or (one.verdict is Verdict.TRUNCATED and "whose proof covers" in one.words)
        )
    elif vector.result == "format":
        assert one.verdict in (Verdict.FORMAT, Verdict.MISSING)
    elif not vector.octets:
        assert one.verdict is Verdict.SILENT
    else:
        assert (one.verdict, one.offset) == (vector.result, vector.offset)
    assert one.words.isprintable()


@pytest.mark.parametrize(
    ("octets", "verdict", "words"),
    [
        (
            b"\xcd\x03\x03\xff\xf5" + bytes(40),
            "oversize",
            "octet 3: length 65525: a preamble of 65530 octets, where 2048 is the"
            " limit",
        ),
        (
            b"\xcd\x03\x03\x00\x01" + bytes(40),
            "length",
            "octet 3: length 1: a preamble of 6 octets, where 12 are the least",
        ),
        (
            hello(),
            "missing",
            "TLS to shop.example began at once, without a preamble: it is off at the"
            " sender (ssl_enhance, send-proxy), or this is the clients' side of a"
            " gateway",
        ),
        (
            b"POST /\x1b[2J HTTP/1.1\r\nHost: a\r\n",
            "missing",
            "no preamble, but an HTTP request (POST /\\x1b[2J HTTP/1.1)",
        ),
        (b"\0\1\2", "missing", "no preamble, but octets 00 01 02"),
        (b"EHLO me\r\n", "missing", "no preamble, but text (EHLO me)"),
        (b"SSH-2.0-x\r\n", "missing", "no preamble, but an SSH banner (SSH-2.0-x)"),
        (
            b"\x16\x03\x03\x00\x05\x01\x00\x00\x01\x00",
            "missing",
            "no preamble, and no ClientHello: a field claims 2 octets of 1",
        ),
        (b"\xcd\x03\x04", "format", "octet 2: octet 04 where MAGIC has 03"),
        (
            hello() + encode(PREAMBLE, "proxy2"),
            "late",
            f"octet {len(hello())}: a proxy2 preamble behind the ClientHello",
        ),
        (
            MAGIC + encode(PREAMBLE, "proxy1"),
            "nested",
            "octet 24: a proxy1 preamble behind the magic one",
        ),
    ],
)
def test_the_words_name_the_octet_and_what_stands_there(
    octets: bytes, verdict: str, words: str
) -> None:
    one = judged(octets)
    assert (one.verdict, one.words) == (verdict, words)
    assert one.is_fault


def test_another_handshake_message_is_for_whoever_speaks_next() -> None:
    one = judged(MAGIC + b"\x16\x03\x03\x00\x01\x02")
    assert (one.verdict, one.follows) == (Verdict.OK, "other")


def test_a_broken_hello_behind_a_preamble() -> None:
    one = judged(MAGIC + b"\x16\x03\x03\x00\x05\x01\x00\x00\x01\x00")
    assert (one.verdict, one.offset) == (Verdict.HELLO, 24)
    assert one.words == "octet 24: a field claims 2 octets of 1"
    assert one.client == CLIENT


def test_a_listener_of_tls_wants_tls_behind_the_preamble() -> None:
    octets = MAGIC + b"GET / HTTP/1.1\r\n"
    assert judged(octets).verdict is Verdict.OK
    one = Judge(ssl=True).judge(conversation(octets))
    assert (one.verdict, one.offset) == (Verdict.HELLO, 24)
    assert one.words == (
        "octet 24: an HTTP request (GET / HTTP/1.1) where TLS must follow"
    )
    assert Judge(ssl=True).judge(conversation(MAGIC)).verdict is Verdict.OK


def test_a_format_that_is_not_accepted_is_named() -> None:
    judge = Judge(Trust(["10.0.0.0/8"], formats="magic"))
    one = judge.judge(conversation(encode(PREAMBLE, "proxy2") + hello()))
    assert (one.verdict, one.format, one.offset) == (Verdict.FORMAT, "proxy2", 0)
    assert one.words == "octet 0: a proxy2 preamble, where magic is accepted"


@pytest.mark.parametrize("local", [Preamble.local()])
def test_a_preamble_that_names_nobody(local: Preamble) -> None:
    one = judged(encode(local) + hello())
    assert (one.verdict, one.client, one.is_fault) == (Verdict.LOCAL, None, False)


def test_a_preamble_that_names_nobody_where_that_is_not_taken() -> None:
    octets = encode(Preamble.local()) + hello()
    direct = Judge(Trust(["10.0.0.0/8"], local="direct")).judge(conversation(octets))
    assert (direct.verdict, direct.client) == (Verdict.OK, GATEWAY)
    one = Judge(Trust(["10.0.0.0/8"], local="refuse")).judge(conversation(octets))
    assert (one.verdict, one.client, one.is_fault) == (Verdict.LOCAL, None, True)
    assert one.words == "the preamble names no client"


def test_a_claim_that_this_peer_may_not_make() -> None:
    spoofed = Preamble(source=("127.0.0.1", 5), destination=("10.0.1.7", 8443))
    one = judged(encode(spoofed) + hello())
    assert (one.verdict, one.client) == (Verdict.SOURCE, None)
    assert one.words == "loopback source 127.0.0.1:5 from a peer that is none"
    assert one.frame
    assert one.follows == "tls"
    unix = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    assert judged(encode(unix)).verdict is Verdict.SOURCE
    near = Endpoint("127.0.0.1", 4000)
    assert judged(encode(spoofed), peer=near).verdict is Verdict.OK


def test_the_trust_is_the_listeners() -> None:
    judge = Judge(Trust(["10.1.0.0/16"], ["10.2.0.0/16"]))
    stranger = judge.judge(conversation(MAGIC + hello()))
    assert stranger.verdict is Verdict.PEER
    assert stranger.words.startswith("10.0.0.5 may not connect here: ")
    assert judge.judge(conversation()).verdict is Verdict.PEER
    direct = judge.judge(conversation(hello(), peer=Endpoint("10.2.0.1", 9)))
    assert (direct.verdict, direct.client) == (
        Verdict.DIRECT,
        Endpoint("10.2.0.1", 9),
    )
    assert direct.tls
    assert direct.hello == hello()
    assert not direct.is_fault


def test_a_proof_is_said_to_be_unverified() -> None:
    (vector,) = [v for v in vectors() if v.valid and v.decoded and v.decoded["proof"]][
        :1
    ]
    one = judged(vector.wire + hello())
    assert one.verdict in (Verdict.OK, Verdict.LOCAL)
    assert one.words.startswith("signed, the proof is not verified (no keys here); ")
    # Where an octet is at fault, the words begin with it.
    nested = judged(vector.wire + MAGIC + hello())
    assert nested.words.startswith(f"octet {nested.offset}: a magic preamble behind")
    assert nested.words.endswith("; signed, the proof is not verified (no keys here)")


BOUND = next(
    vector.wire
    for vector in vectors()
    if vector.valid and vector.decoded and vector.decoded["proof"]
    if vector.decoded["proof"]["bound"] == 40
)
"""A preamble whose proof covers 40 octets behind it."""


@pytest.mark.parametrize(
    ("there", "more", "verdict", "words"),
    [
        (40, {}, "ok", "signed, the proof is not verified (no keys here); the client"),
        (39, {}, "waiting", "39 octets behind a preamble whose proof covers 40, and"),
        (1, CLOSED, "truncated", "after 1 octet behind a preamble whose proof covers"),
        (0, {"lasted": 6000 * MS}, "timeout", "what its proof covers was not whole"),
        (9, {"missing": len(BOUND) + 9}, "unseen", f"octet {len(BOUND) + 9} is not"),
    ],
)
def test_a_proof_waits_for_what_it_covers(
    there: int, more: dict[str, Any], verdict: str, words: str
) -> None:
    octets = BOUND + hello()[:there]
    assert judged(octets, **more).words.startswith(words)
    one = Judge().judge(conversation(octets, cuts=[len(BOUND)][: there and 1], **more))
    assert one.verdict == verdict
    if verdict == "ok":
        assert one.timing.preamble == START + MS


def test_a_listener_without_keys_refuses_every_proof() -> None:
    one = Judge(keys=False).judge(conversation(BOUND + hello()))
    assert (one.verdict, one.client, one.format) == (Verdict.PROOF, None, "magic")
    assert one.words == "a signed preamble, and this listener has no keys"
    assert Judge(keys=False).judge(conversation(MAGIC)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("more", "verdict", "words"),
    [
        (CLOSED, "truncated", "after 9 octets of a preamble, then the peer closed"),
        (
            {"ended": Ended.CLOSED, "ended_by": "listener"},
            "reset",
            "after 9 octets of a preamble, then the listener closed",
        ),
        (
            # The sender answers a close with its own.
            {"ended": Ended.CLOSED, "ended_by": "listener", "ends": True},
            "reset",
            "after 9 octets of a preamble, then the listener closed",
        ),
        (
            {"ended": Ended.RESET, "ended_by": "listener"},
            "reset",
            "after 9 octets of a preamble, then the listener reset",
        ),
        ({}, "waiting", "9 octets of a preamble, and it was followed no further"),
        ({"lasted": 6000 * MS}, "timeout", "the preamble was not whole within 5 s"),
        (
            {"until": START + 6000 * MS},
            "timeout",
            "the preamble was not whole within 5 s",
        ),
        (
            {"until": START + 4000 * MS},
            "waiting",
            "9 octets of a preamble, and the capture ends",
        ),
        ({"missing": 9}, "unseen", "octet 9 is not in the capture"),
    ],
)
def test_a_preamble_that_never_became_whole(
    more: dict[str, Any], verdict: str, words: str
) -> None:
    one = judged(MAGIC[:9], **more)
    assert (one.verdict, one.format) == (verdict, "magic")
    assert one.words.startswith(words)


def test_the_clock_is_the_captures() -> None:
    late = conversation(MAGIC + hello(), cuts=[5])
    there, _ = late.sent.arrivals[1]
    late.sent.arrivals[1] = there, START + 5001 * MS
    assert Judge().judge(late).verdict is Verdict.TIMEOUT
    assert Judge(deadline=6).judge(late).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "sent nothing in 0.5 s"),
        (CLOSED, "sent nothing in 0.5 s, then the peer closed the connection"),
        (
            {"ended": Ended.RESET, "ended_by": "listener", "accepted": False},
            "refused: nobody listens there",
        ),
        ({"accepted": False}, "no answer to its SYN"),
        ({"until": START + 60_000 * MS}, "sent nothing in 60 s"),
        (
            {"until": START + 60_000 * MS} | CLOSED,
            "sent nothing in 0.5 s, then the peer closed the connection",
        ),
    ],
)
def test_a_peer_that_says_nothing(more: dict[str, Any], words: str) -> None:
    one = judged(**more)
    assert (one.verdict, one.words, one.follows) == (Verdict.SILENT, words, "nothing")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "sent nothing in 2 s, and the capture ends"),
        ({"accepted": False}, "no answer to its SYN, and the capture ends"),
    ],
)
def test_a_peer_that_has_time_left(more: dict[str, Any], words: str) -> None:
    one = judged(until=START + 2000 * MS, **more)
    assert (one.verdict, one.words, one.follows) == (Verdict.WAITING, words, "nothing")


@pytest.mark.parametrize("octets", [MAGIC + hello(), b"", MAGIC[:9], hello()])
def test_octets_that_came_twice_and_differ_are_said(octets: bytes) -> None:
    one = judged(octets, conflicting=2, **CLOSED)
    plain = judged(octets, **CLOSED)
    said = "; 2 octets came twice and differ: somebody may have put them in"
    assert (one.verdict, one.words) == (plain.verdict, plain.words + said)
    assert one.is_remarkable


def test_a_front_that_is_not_there_is_not_judged() -> None:
    one = judged(hello(), begun=False)
    assert (one.verdict, one.follows) == (Verdict.UNSEEN, "unseen")
    assert judged(missing=0, length=50).verdict is Verdict.UNSEEN


@pytest.mark.parametrize("format", FORMATS)
def test_what_looks_like_a_preamble_in_the_midst_names_nobody(format: str) -> None:
    one = judged(encode(PREAMBLE, format) + hello(), begun=False)
    assert (one.verdict, one.client, one.preamble) == (Verdict.UNSEEN, None, None)
    assert one.words == (
        "the capture began after the connection did, or after an hour of silence;"
        f" octets like a {format} preamble may be anything there"
    )


def test_octets_that_are_missing_behind_the_preamble_do_not_matter() -> None:
    one = judged(MAGIC, missing=24, length=541)
    assert (one.verdict, one.client, one.follows) == (Verdict.OK, CLIENT, "unseen")


def test_a_hello_that_is_not_all_there() -> None:
    one = judged(MAGIC + hello()[:50])
    assert (one.verdict, one.follows, one.tls) == (Verdict.OK, "tls", None)
    assert one.words.endswith("; 50 octets of the ClientHello came, not all")
    one = judged(MAGIC + hello()[:1])
    assert one.words.endswith("; 1 octet of the ClientHello came, not all")


def test_a_second_preamble_behind_the_hello_is_late() -> None:
    one = judged(MAGIC + hello() + encode(PREAMBLE, "proxy1"))
    at = len(MAGIC + hello())
    assert (one.verdict, one.offset, one.client) == (Verdict.LATE, at, CLIENT)
    assert one.words == f"octet {at}: a proxy1 preamble behind the ClientHello"
    # Of a client that comes by itself no octet is read as a preamble.
    direct = Judge(Trust(direct=[GATEWAY.host]))
    octets = hello() + encode(PREAMBLE, "proxy1")
    assert direct.judge(conversation(octets)).verdict is Verdict.DIRECT


@pytest.mark.parametrize("format", FORMATS)
def test_every_cut_is_judged_alike(format: str) -> None:
    octets = encode(PREAMBLE, format) + hello()
    for cut in range(1, len(octets)):
        one = judged(octets, cuts=[cut])
        assert (one.verdict, one.client, one.hello) == (Verdict.OK, CLIENT, hello())


def test_conversations_are_judged_as_they_come() -> None:
    judge = pickle.loads(pickle.dumps(Judge(ANYBODY, deadline=3)))
    first = next(iter(judge.connections(iter([conversation(MAGIC, peer=GATEWAY)]))))
    assert first.client == CLIENT
