"""interview.py: limits, and what counts as taken."""

from __future__ import annotations

import socket
import time

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came, came_of
from sslmagic.probe.call import Caller
from sslmagic.probe.interview import Interview, Limits, StopError
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, Trial
from tests.sslmagic.probe.scripted import LIMITS, Script, listening, page

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLIENT = Endpoint("203.0.113.9", 51234)
HTTP = Question(name="http", words="", then=Then.HTTP)


def answering(response: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)

    return script


def put(
    script: Script,
    *,
    client: Endpoint | None = None,
    baseline: Answer | None = None,
    like: Trial | None = None,
    then: Then = Then.HTTP,
) -> Trial:
    with listening(script) as address:
        interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
        interview.baseline = baseline
        return interview.put_preamble(
            *("proxy1", "whole", "a preamble", b"PROXY UNKNOWN\r\n"),
            client=client,
            then=then,
            like=like,
        )


@pytest.mark.parametrize(
    ("answered", "without", "taken"),
    [
        ("200 OK", None, True),
        ("404 Not Found", None, True),
        ("403 Forbidden", None, True),
        ("400 Bad Request", None, False),
        ("405 Method Not Allowed", None, False),
        ("501 Not Implemented", None, False),
        ("200 OK", 200, True),
        ("302 Found", 200, True),
        ("403 Forbidden", 200, False),
        ("500 Internal Server Error", 200, False),
        ("404 Not Found", 404, True),
        ("400 Bad Request", 404, False),
    ],
)
def test_a_status_shows_whether_the_request_was_understood(
    answered: str, without: int | None, taken: bool
) -> None:
    baseline = None
    if without is not None:
        text = page("", f"{without} X")
        baseline = Answer(came=Came.HTTP, seconds=0.0, octets=text, text=text)
    assert put(answering(page("", answered)), baseline=baseline).taken is taken


@pytest.mark.parametrize("then", [Then.TLS, Then.HTTP])
def test_octets_that_are_neither_take_nothing(then: Then) -> None:
    assert not put(answering(b"220 mail.example\r\n"), then=then).taken


def test_a_greeting_is_taken_where_nothing_else_was_said() -> None:
    assert put(answering(b"220 mail.example\r\n"), then=Then.NOTHING).taken


@pytest.mark.parametrize(
    ("shown", "belief"),
    [
        ("203.0.113.9", Belief.BELIEVED),
        ("127.0.0.1", Belief.OWN),
        ("198.51.100.1", Belief.NOT_SHOWN),
    ],
)
def test_belief_is_what_the_page_shows(shown: str, belief: Belief) -> None:
    assert put(answering(page(shown)), client=CLIENT).belief is belief


def test_an_error_that_repeats_the_preamble_believes_nothing() -> None:
    heard = put(answering(page("no: 203.0.113.9", "400 Bad Request")), client=CLIENT)
    assert (heard.taken, heard.belief) == (False, Belief.NOT_SHOWN)


def test_who_has_nothing_to_say_any_more_has_refused() -> None:
    whole = Trial(
        question=HTTP,
        answer=Answer(came=Came.TLS, seconds=0.0, text=page("")),
        taken=True,
    )
    hello = bytes.fromhex("16 03 03 00 04 02 00 00 00")
    assert put(answering(hello), then=Then.TLS).taken
    assert not put(answering(hello), then=Then.TLS, like=whole).taken


HELLO = bytes.fromhex("16 03 03 00 04 02 00 00 00")
ALERT = bytes.fromhex("15 03 03 00 02 02")


@pytest.mark.parametrize(
    ("octets", "version", "answered", "taken"),
    [
        (HELLO, "TLSv1.3", HELLO, False),
        (HELLO, "TLSv1.3", ALERT + b"\x28", False),
        (HELLO, None, HELLO, True),
        (ALERT + b"\x28", None, ALERT + b"\x28", True),
        (ALERT + b"\x28", None, ALERT + b"\x70", False),
    ],
)
def test_a_handshake_comes_as_far_as_without_a_preamble(
    octets: bytes, version: str | None, answered: bytes, taken: bool
) -> None:
    came = came_of(octets)
    assert came is not None
    baseline = Answer(came=came, seconds=0.0, octets=octets, version=version)
    heard = put(answering(answered), baseline=baseline, then=Then.TLS)
    assert heard.taken is taken


@pytest.mark.parametrize(
    ("answered", "status", "taken"),
    [
        (page("hello"), 200, True),
        (page("other"), 404, True),
        (page("", "301 Moved"), 200, False),
        (page("", "301 Moved"), 301, False),
        (page("no page", "404 Not Found"), 404, True),
        (page("no page", "404 Not Found"), 200, False),
        (page("<html>\n400 this is for TLS", "404 Not Found"), 404, False),
    ],
)
def test_in_clear_it_serves_what_it_serves_over_tls(
    answered: bytes, status: int, taken: bool
) -> None:
    over_tls = Answer(
        came=Came.TLS,
        seconds=0.0,
        version="TLSv1.3",
        text=page("no page", f"{status} X"),
    )
    whole = Trial(question=HTTP, answer=over_tls, taken=True)
    assert put(answering(answered), like=whole).taken is taken


@pytest.mark.parametrize(("cut", "pieces"), [(1, 1), (2, 2), (15, 15)])
def test_a_preamble_is_cut(cut: int, pieces: int) -> None:
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
        heard = interview.put_preamble(
            *("proxy1", "whole", "a preamble", b"PROXY UNKNOWN\r\n"),
            client=None,
            then=Then.HTTP,
            cut=cut,
        )
    assert len(heard.question.pieces) == pieces
    assert heard.question.preamble == b"PROXY UNKNOWN\r\n"
    assert heard.question.patience == LIMITS.answer


def test_who_says_no_more_is_watched_to_the_end() -> None:
    with listening(answering(b"")) as address:
        interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
        heard = interview.wait("half", "half", b"PROX")
    assert heard.question.to_the_end
    assert heard.question.patience == LIMITS.patience
    assert heard.answer.ended


def test_each_trial_is_kept_and_heard() -> None:
    heard: list[Trial] = []
    with listening(answering(page(""))) as address:
        caller = Caller(address=address, request=REQUEST)
        interview = Interview(caller, LIMITS, heard.append)
        interview.put(HTTP)
        interview.put(HTTP)
    assert interview.trials == heard
    assert len(heard) == 2
    assert interview.seconds > 0


def test_a_pause_is_between_two() -> None:
    limits = Limits(answer=0.5, pause=0.1)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        interview.put(HTTP)
        began = time.monotonic()
        interview.put(HTTP)
    assert time.monotonic() - began >= 0.1


def test_the_number_of_connections_ends_it() -> None:
    limits = Limits(connections=1, answer=0.5, pause=0.0)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        interview.put(HTTP)
        with pytest.raises(StopError, match="1 connections"):
            interview.put(HTTP)
    assert len(interview.trials) == 1


def test_the_time_for_all_ends_it() -> None:
    limits = Limits(timeout=0.0)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        with pytest.raises(StopError, match="0 s were over"):
            interview.put(HTTP)
    assert interview.trials == []


def test_nobody_listening_ends_it_and_is_kept() -> None:
    with listening(answering(b"")) as address:
        pass
    interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
    with pytest.raises(StopError, match="Connection refused"):
        interview.put(HTTP)
    (trial,) = interview.trials
    assert trial.answer.came is Came.UNREACHABLE
