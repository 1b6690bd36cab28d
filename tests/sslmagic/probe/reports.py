"""Reports of what might have been heard, as a test words them."""

from __future__ import annotations

from collections.abc import Mapping

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.question import Question
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance, Trial
from sslmagic.probe.target import Target

__all__ = ["INSIDE", "OUTSIDE", "refused", "report", "taken", "trial"]

OUTSIDE, INSIDE = "198.51.100.7", "127.0.0.1"


def trial(
    *,
    taken: bool = False,
    belief: Belief = Belief.NOT_SHOWN,
    last: bool = False,
    came: Came = Came.CLOSED,
    lasted: float = 0.0,
    ended: bool = True,
    delay: float = 0.0,
    octets: bytes = b"",
    text: bytes = b"",
) -> Trial:
    answer = Answer(
        came=came,
        seconds=lasted,
        lasted=lasted,
        ended=ended,
        octets=octets,
        text=text,
    )
    question = Question(name="a", words="", delay=delay)
    return Trial(
        question=question, answer=answer, taken=taken, belief=belief, last=last
    )


def taken(
    format: str = "proxy2",
    stance: Stance = Stance.REQUIRED,
    *,
    belief: Belief = Belief.NOT_SHOWN,
    behind: Speech = Speech.TLS,
    trials: Mapping[str, Trial] | None = None,
) -> FormatReport:
    page = b"HTTP/1.1 200 OK\r\n\r\n"
    whole = trial(taken=True, belief=belief, came=Came.TLS, text=page)
    return FormatReport(
        format=format,
        stance=stance,
        behind=behind,
        trials={"whole": whole, **(trials or {})},
    )


def refused(
    format: str,
    came: Came = Came.CLOSED,
    *,
    trials: Mapping[str, Trial] | None = None,
) -> FormatReport:
    return FormatReport(
        format=format,
        stance=Stance.REFUSED,
        behind=None,
        trials={"whole": trial(came=came), **(trials or {})},
    )


def report(
    *formats: FormatReport,
    source: str = OUTSIDE,
    speaks: Speech | None = None,
    silent: Trial | None = None,
    half: Trial | None = None,
    first: Trial | None = None,
) -> Report:
    return Report(
        target=Target(name="a.example", address=Endpoint("203.0.113.1", 443)),
        source=source,
        speaks=speaks,
        formats=formats,
        silent=silent,
        half=half,
        after=None,
        trials=(first or trial(),),
        stopped=None,
        seconds=1.0,
    )
