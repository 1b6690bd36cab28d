"""judgement.py: what counts as taken, and whose address was shown."""

from __future__ import annotations

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came, came_of
from sslmagic.probe.judgement import judged
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, Trial
from tests.sslmagic.probe.scripted import page

CLIENT = Endpoint("203.0.113.9", 51234)
HELLO = bytes.fromhex("16 03 03 00 04 02 00 00 00")
ALERT = bytes.fromhex("15 03 03 00 02 02")


def put(
    octets: bytes,
    *,
    client: Endpoint | None = None,
    baseline: Answer | None = None,
    like: Answer | None = None,
    then: Then = Then.HTTP,
) -> Trial:
    """A preamble, and what came in clear; in clear it is the application's as well."""
    question = Question(
        name="proxy1 whole", words="", pieces=(b"PROXY UNKNOWN\r\n",), then=then
    )
    return judged(
        question,
        Answer(
            came=came_of(octets) or Came.CLOSED,
            seconds=0.0,
            octets=octets,
            text=octets if then is Then.HTTP else b"",
            local="127.0.0.1",
        ),
        client=client,
        port=443,
        like=like,
        baseline=baseline,
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
    assert put(page("", answered), baseline=baseline).taken is taken


@pytest.mark.parametrize("then", [Then.TLS, Then.HTTP])
def test_octets_that_are_neither_take_nothing(then: Then) -> None:
    assert not put(b"220 mail.example\r\n", then=then).taken


def test_a_greeting_is_taken_where_nothing_else_was_said() -> None:
    assert put(b"220 mail.example\r\n", then=Then.NOTHING).taken


@pytest.mark.parametrize(
    ("shown", "belief"),
    [
        ("203.0.113.9", Belief.BELIEVED),
        ("127.0.0.1", Belief.OWN),
        ("198.51.100.1", Belief.NOT_SHOWN),
    ],
)
def test_belief_is_what_the_page_shows(shown: str, belief: Belief) -> None:
    assert put(page(shown), client=CLIENT).belief is belief


def test_an_error_that_repeats_the_preamble_believes_nothing() -> None:
    heard = put(page("no: 203.0.113.9", "400 Bad Request"), client=CLIENT)
    assert (heard.taken, heard.belief) == (False, Belief.NOT_SHOWN)


def test_who_has_nothing_to_say_any_more_has_refused() -> None:
    whole = Answer(came=Came.TLS, seconds=0.0, text=page(""))
    assert put(HELLO, then=Then.TLS).taken
    assert not put(HELLO, then=Then.TLS, like=whole).taken


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
    heard = put(answered, baseline=baseline, then=Then.TLS)
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
    assert put(answered, like=over_tls).taken is taken


def test_within_tls_it_is_taken_only_if_it_is_believed() -> None:
    question = Question(name="proxy1 inside", words="", inside=b"PROXY UNKNOWN\r\n")
    for shown, taken in (("203.0.113.9", True), ("127.0.0.1", False)):
        served = Answer(came=Came.TLS, seconds=0.0, text=page(shown), local="127.0.0.1")
        heard = judged(
            question, served, client=CLIENT, port=443, like=None, baseline=None
        )
        assert heard.taken is taken


def test_a_greeting_that_repeats_the_preamble_takes_nothing() -> None:
    assert not put(b"ERROR: PROXY UNKNOWN\r\n", then=Then.NOTHING).taken
