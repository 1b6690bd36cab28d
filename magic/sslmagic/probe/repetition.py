"""Asks once more what the stances stand on: one answer may be slow or lost."""

from __future__ import annotations

import dataclasses

from sslmagic.probe.answer import Came
from sslmagic.probe.claim import said
from sslmagic.probe.evidence import Evidence, FormatEvidence
from sslmagic.probe.interview import Interview
from sslmagic.probe.report import Speech, Trial

__all__ = ["ask_again"]

_MENDABLE = ("halves", "octets", "late", "local", "checksum")
"""Variations that a receiver should take, so that it is a fault if it does not."""


def ask_again(interview: Interview, evidence: Evidence) -> None:
    """Ask it at the end; whoever answers otherwise then has shown nothing for sure."""
    for one in evidence.formats.values():
        if "whole" in one.trials and _is_doubtful(evidence, one):
            one.trials["again"] = _ask_whole_again(interview, one)
    known = evidence.behind
    if evidence.speaks is Speech.FIRST or known == {Speech.FIRST}:
        # It was heard, and the controls have heard whether it speaks to anybody.
        return
    for speech, first in evidence.without.items():
        if first.taken or (not evidence.speaks and (not known or speech in known)):
            question = dataclasses.replace(
                first.question,
                name=f"{first.question.name} again",
                words=f"{first.question.words}, once more",
            )
            evidence.again.append((first, interview.put(question)))


def _is_doubtful(evidence: Evidence, one: FormatEvidence) -> bool:
    """Whether a loss would explain what was not taken."""
    trials = one.trials
    if one.behind is not None:
        return any(name in trials and not trials[name].taken for name in _MENDABLE)
    is_silent = one.whole.answer.came is Came.SILENCE
    return is_silent and bool(evidence.speaks or evidence.behind)


def _ask_whole_again(interview: Interview, one: FormatEvidence) -> Trial:
    client, whole = interview.client(), one.whole
    return interview.put_preamble(
        one.format,
        "again",
        "a preamble once more",
        said(client, interview.port, one.format),
        client=client,
        then=whole.question.then,
        like=whole if whole.taken else None,
    )
