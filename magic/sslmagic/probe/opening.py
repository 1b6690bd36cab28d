"""The first questions, without a preamble: TLS, then HTTP, then silence."""

from __future__ import annotations

from sslmagic.probe.evidence import Evidence
from sslmagic.probe.interview import Interview
from sslmagic.probe.judgement import SHOWN
from sslmagic.probe.patience import ask_silence
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Speech, spoken

__all__ = ["ask_without"]

_HELLO = Question(name="tls", words="a ClientHello at once", then=Then.TLS)
_REQUEST = Question(name="http", words="a request in clear", then=Then.HTTP)


def ask_without(interview: Interview, evidence: Evidence) -> None:
    """Ask what the listener speaks to whoever sends no preamble."""
    for question in (_HELLO, _REQUEST):
        trial = interview.put(question)
        evidence.without[SHOWN[question.then]] = trial
        if trial.taken:
            evidence.speaks = spoken(trial.answer)
            interview.baseline = trial.answer
            return
    silent = ask_silence(interview, evidence)
    if spoken(silent.answer, is_quiet=True) is Speech.FIRST:
        evidence.speaks = Speech.FIRST
