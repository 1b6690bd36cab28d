"""report.py: whose address a page shows, and what an answer speaks."""

from __future__ import annotations

import dataclasses

import pytest

from sslmagic.probe.answer import Answer, Came, came_of
from sslmagic.probe.question import Question
from sslmagic.probe.report import (
    Belief,
    FormatReport,
    Speech,
    Stance,
    Trial,
    believed,
    differ,
    spoken,
)
from tests.sslmagic.probe.reports import OUTSIDE, report

CLAIMED, OWN = "203.0.113.9", OUTSIDE


def trial(
    octets: bytes = b"",
    *,
    lasted: float = 0.0,
    taken: bool = False,
    came: Came = Came.CLOSED,
) -> Trial:
    came = came_of(octets) or came
    answer = Answer(came=came, seconds=lasted, lasted=lasted, ended=True, octets=octets)
    return Trial(question=Question(name="a", words=""), answer=answer, taken=taken)


@pytest.mark.parametrize(
    ("text", "belief"),
    [
        (b"you are 203.0.113.9", Belief.BELIEVED),
        (b'{"client":["203.0.113.9",51234]}', Belief.BELIEVED),
        (b"::ffff:203.0.113.9", Belief.BELIEVED),
        (b"203.0.113.9.", Belief.BELIEVED),
        (b"203.0.113.9 by way of 198.51.100.7", Belief.BELIEVED),
        (b"you are 198.51.100.7", Belief.OWN),
        (b"you are 198.51.100.7:51234", Belief.OWN),
        (b"http://198.51.100.7:443/", Belief.NOT_SHOWN),
        (b"http://198.51.100.7:4430/", Belief.OWN),
        (b"203.0.113.90", Belief.NOT_SHOWN),
        (b"1203.0.113.9", Belief.NOT_SHOWN),
        (b"203.0.113.9.1", Belief.NOT_SHOWN),
        (b"1.203.0.113.9", Belief.NOT_SHOWN),
        (b"203a0b113c9", Belief.NOT_SHOWN),
        (b"", Belief.NOT_SHOWN),
    ],
)
def test_whose_address_a_page_shows(text: bytes, belief: Belief) -> None:
    assert believed(text, CLAIMED, OWN, 443) is belief


def test_an_address_in_ipv6() -> None:
    text = b"from [2001:DB8::7]:51234, to [2001:db8::7]:443"
    assert believed(text, CLAIMED, "2001:db8::7", 443) is Belief.OWN
    text = b"to [2001:db8::7]:443"
    assert believed(text, CLAIMED, "2001:db8::7", 443) is Belief.NOT_SHOWN


@pytest.mark.parametrize(
    ("text", "belief"),
    [
        (b"you are ::1", Belief.OWN),
        (b"you are [::1]:51234.", Belief.OWN),
        (b'{"client": ["::1", 51234]}', Belief.OWN),
        (b"you are ::1: hello", Belief.OWN),
        (b"you are 2001:db8:a::1", Belief.NOT_SHOWN),
        (b"you are a::1", Belief.NOT_SHOWN),
        (b"you are ::1:2", Belief.NOT_SHOWN),
        (b"you are ::1a", Belief.NOT_SHOWN),
        (b"to [::1]:443", Belief.NOT_SHOWN),
    ],
)
def test_a_group_more_makes_another_address_in_ipv6(
    text: bytes, belief: Belief
) -> None:
    assert believed(text, CLAIMED, "::1", 443) is belief


@pytest.mark.parametrize(
    ("octets", "is_quiet", "speech"),
    [
        (bytes.fromhex("16 03 03 00 7a 02"), False, Speech.TLS),
        (bytes.fromhex("15 03 03 00 02 02 28"), False, Speech.TLS),
        (bytes.fromhex("15 03 03 00 02 02 0a"), False, None),
        (b"220 hello\r\n", False, None),
        (b"220 hello\r\n", True, Speech.FIRST),
    ],
)
def test_what_an_answer_speaks(
    octets: bytes, is_quiet: bool, speech: Speech | None
) -> None:
    assert spoken(trial(octets).answer, is_quiet=is_quiet) is speech


@pytest.mark.parametrize(("status", "speech"), [(404, Speech.HTTP), (400, None)])
def test_a_bad_request_is_no_service(status: int, speech: Speech | None) -> None:
    text = b"HTTP/1.1 %d X\r\n\r\n" % status
    heard = Answer(came=Came.HTTP, seconds=0.0, octets=text, text=text)
    assert spoken(heard) is speech


def test_what_was_not_asked_is_not_known() -> None:
    one = FormatReport(
        format="magic",
        stance=Stance.REQUIRED,
        behind=Speech.TLS,
        trials={"octets": trial(taken=True), "late": trial()},
    )
    assert (one.taken("octets"), one.taken("late"), one.taken("nested")) == (
        *(True, False),
        None,
    )
    assert one.belief is Belief.NOT_SHOWN
    assert report(one).takes == (one,)


def test_who_ends_half_of_every_preamble_at_once_turns_away() -> None:
    def refused(lasted: float, came: Came = Came.CLOSED) -> FormatReport:
        whole = trial(came=came)
        trials = {"whole": whole, "half": trial(lasted=lasted)}
        return FormatReport(
            format="magic", stance=Stance.REFUSED, behind=None, trials=trials
        )

    silent = trial(lasted=0.01)
    assert report(refused(0.01), refused(0.01), silent=silent).turns_away
    assert report(refused(0.01), silent=silent).reads_nothing
    assert not report(refused(0.01), refused(1.0)).turns_away
    # Whoever waits behind a whole one has read it.
    assert not report(refused(0.01), refused(0.01, Came.SILENCE)).turns_away
    assert not report(refused(0.01)).reads_nothing
    assert not report().turns_away


def test_two_answers_that_mean_another_thing() -> None:
    closed, late = trial(lasted=0.1), trial(lasted=2.0)
    alert = trial(bytes.fromhex("15 03 03 00 02 02 28"))
    page, forbidden = (
        dataclasses.replace(
            trial(b"HTTP/1.1 %d X" % status, taken=True),
            answer=Answer(
                came=Came.HTTP, seconds=0.0, text=b"HTTP/1.1 %d X\r\n" % status
            ),
        )
        for status in (200, 403)
    )
    assert not differ((closed, late))
    assert not differ((page, page))
    assert differ((closed, alert))
    assert differ((closed, page))
    assert differ((page, forbidden))


def test_nobody_was_reached() -> None:
    assert report().is_reachable
