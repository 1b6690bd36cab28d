"""Asks a listener from outside what it does with preambles, and says what it heard.

    Target     whom to ask: one address, which somebody named
    Survey     the questions in their order, one connection each
    Report     what was heard, question by question, and what that shows
    Finding    a consequence, in words, with how grave it is
    alike      those reports together that found the same

Nothing here attacks: a question is a preamble, whole or with one fault, a ClientHello
and at most one GET or HEAD.
"""

from __future__ import annotations

from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.comparison import alike
from sslmagic.probe.finding import Finding, Severity, findings
from sslmagic.probe.interview import Limits
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance, Trial
from sslmagic.probe.survey import Survey
from sslmagic.probe.target import Target
from sslmagic.probe.verdict import verdict

__all__ = [
    "Answer",
    "Belief",
    "Came",
    "Finding",
    "FormatReport",
    "Limits",
    "Question",
    "Report",
    "Severity",
    "Speech",
    "Stance",
    "Survey",
    "Target",
    "Then",
    "Trial",
    "alike",
    "findings",
    "verdict",
]
