"""What an answer shows of its question: whether it was taken, and who was believed."""

from __future__ import annotations

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.control import is_alike, repeats, same_body
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, Speech, Trial, believed, spoken

__all__ = ["FOLLOWS", "SHOWN", "judged"]

SHOWN = {Then.TLS: Speech.TLS, Then.HTTP: Speech.HTTP, Then.NOTHING: Speech.FIRST}
"""What shows that the listener has understood what was sent behind a preamble."""
FOLLOWS = {speech: then for then, speech in SHOWN.items()}
_NOT_UNDERSTOOD = {400, 405, 501, 505}
"""What HTTP servers say to octets that make no request they know."""


def judged(
    question: Question,
    answer: Answer,
    *,
    client: Endpoint | None,
    port: int,
    like: Answer | None,
    baseline: Answer | None,
) -> Trial:
    """Return the trial that question and answer make.

    Args:
        client: whom the question claims.
        port: the listener's.
        like: what was taken; a proxy may take a preamble that the server behind it
            refuses, and then has nothing to say.
        baseline: what was served without a preamble, once that is known.
    """
    taken = _is_taken(question, answer, like, baseline)
    shown = Belief.NOT_SHOWN
    if client is not None and taken and not repeats(answer.text, question.preamble):
        shown = believed(answer.text, client.host, answer.local, port)
    if question.inside:
        # Many a server skips what it does not understand in front of a request.
        taken = shown is Belief.BELIEVED
    return Trial(question=question, answer=answer, taken=taken, belief=shown)


def _is_taken(
    question: Question, answer: Answer, like: Answer | None, baseline: Answer | None
) -> bool:
    """Whether the listener served, as it does without a preamble if it does."""
    if question.inside:
        return _is_served(answer, baseline)
    speech = spoken(answer, is_quiet=question.then is Then.NOTHING)
    if speech is not SHOWN[question.then]:
        return False
    if not question.preamble:
        return True
    match speech:
        case Speech.TLS:
            if like is not None and not _is_served_within(answer, like):
                return False
            return _is_shaken(answer, like or baseline)
        case Speech.HTTP:
            if like is not None and like.came is Came.TLS:
                return _is_page(answer, like)
            return _is_served(answer, like or baseline)
        case _:
            if repeats(answer.octets, question.preamble):
                return False
            return like is None or is_alike(answer, like)


def _is_shaken(answer: Answer, like: Answer | None) -> bool:
    """Whether the handshake came as far as it did before."""
    if like is None or like.came not in (Came.TLS, Came.ALERT):
        return True
    if like.version is not None:
        return answer.version is not None
    return is_alike(answer, like)


def _is_served_within(answer: Answer, like: Answer) -> bool:
    """Whether TLS was not all that came, if it was not before."""
    if not like.text or like.status is None:
        return bool(answer.text) or not like.text
    return _is_served(answer, like)


def _is_page(answer: Answer, like: Answer) -> bool:
    """Whether this is what was asked for: no way to it, and no word of TLS missing."""
    status = answer.status or 0
    if status < 400:
        return 200 <= status < 300
    return status == like.status and same_body(answer.text, like.text)


def _is_served(answer: Answer, like: Answer | None) -> bool:
    status = answer.status
    if like is None or like.status is None:
        return status is not None and status not in _NOT_UNDERSTOOD
    return status is not None and (status < 400 or status == like.status)
