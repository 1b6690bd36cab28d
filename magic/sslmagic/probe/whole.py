"""Whether a whole preamble is taken: in front of what, and by who has read it."""

from __future__ import annotations

from sslmagic.probe.answer import Came
from sslmagic.probe.claim import said
from sslmagic.probe.control import altered, is_alike
from sslmagic.probe.evidence import Evidence, FormatEvidence
from sslmagic.probe.interview import Interview
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, Speech, Trial, spoken

__all__ = ["ask_whole"]

_INSIDE = ("proxy1", "proxy2")
"""Formats that some servers read within TLS: gunicorn with its own."""


def ask_whole(interview: Interview, evidence: Evidence, format: str) -> None:
    """Ask all that tells whether this format is taken."""
    # Nothing that a listener says that speaks first could tell a preamble that it took
    # from none.
    if evidence.speaks is not Speech.FIRST:
        one = evidence.formats[format]
        _ask_in_front(interview, evidence, one)
        is_refused = one.behind is None
        if is_refused and evidence.speaks is Speech.TLS and format in _INSIDE:
            one.trials["inside"] = _ask_inside(interview, format)
    evidence.formats[format].is_complete = True


def _ask_in_front(
    interview: Interview, evidence: Evidence, one: FormatEvidence
) -> None:
    for then in _continuations(evidence):
        client = interview.client()
        trial = interview.put_preamble(
            one.format,
            "whole",
            "a preamble",
            said(client, interview.port, one.format),
            client=client,
            then=then,
        )
        first = one.trials.setdefault("whole", trial)
        if trial.taken and _is_of_anybody(trial):
            trial = _held_against_control(interview, one, trial)
        if trial.taken or first.question is trial.question:
            one.trials["whole"] = trial
        if trial.taken:
            one.behind = spoken(trial.answer, is_quiet=then is Then.NOTHING)
            return


def _continuations(evidence: Evidence) -> tuple[Then, ...]:
    """What may follow a preamble, the likeliest first."""
    known = evidence.behind | {evidence.speaks}
    if Speech.TLS in known:
        return (Then.TLS,)
    if Speech.HTTP in known:
        return (Then.HTTP,)
    if Speech.FIRST in known:
        return (Then.NOTHING,)
    silent = evidence.waits.get("silent")
    if silent is not None and silent.answer.is_end_at_once:
        return (Then.TLS,)
    return Then.TLS, Then.HTTP, Then.NOTHING


def _is_of_anybody(whole: Trial) -> bool:
    """Whether octets that nobody has understood may get this answer as well."""
    # A complete handshake answers nothing but a ClientHello, and whoever shows the
    # claim has read it.
    is_shaken = whole.answer.version is not None
    return not is_shaken and whole.belief is not Belief.BELIEVED


def _held_against_control(
    interview: Interview, one: FormatEvidence, whole: Trial
) -> Trial:
    """Return the trial, as what the same gets that is no preamble makes it."""
    question = whole.question
    control = interview.put_preamble(
        one.format,
        "control",
        "the same with a wrong letter in the signature",
        altered(question.preamble, one.format),
        client=None,
        then=question.then,
    )
    one.trials["control"] = control
    if not is_alike(whole.answer, control.answer):
        return whole
    if whole.answer.came in (Came.HTTP, Came.TLS):
        one.is_alike = True
        if (whole.answer.status or 0) < 400:
            # It serves with octets in front, whatever they are.
            return whole
    return interview.revise(whole, taken=False, belief=Belief.NOT_SHOWN)


def _ask_inside(interview: Interview, format: str) -> Trial:
    client = interview.client()
    question = Question(
        name=f"{format} inside",
        words=f"a {format} preamble within TLS, in front of the request",
        inside=said(client, interview.port, format),
    )
    return interview.put(question, client=client)
