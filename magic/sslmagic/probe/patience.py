"""How long a listener waits for who says no more: nothing, half a preamble, a whole."""

from __future__ import annotations

from sslmagic.probe.claim import said
from sslmagic.probe.evidence import Evidence
from sslmagic.probe.interview import Interview
from sslmagic.probe.question import split
from sslmagic.probe.report import Trial

__all__ = ["ask_patience", "ask_silence"]


def ask_patience(interview: Interview, evidence: Evidence) -> None:
    """Ask it once for all formats, by the first that is taken."""
    taken = [one.format for one in evidence.formats.values() if one.behind]
    limits = interview.limits
    for format in taken[:1]:
        evidence.waits["after"] = interview.wait(
            f"{format} after",
            f"a {format} preamble, and then nothing",
            said(interview.client(), interview.port, format),
        )
        evidence.waits["half"] = _ask_half(interview, format, limits.patience)
    if not taken and not evidence.speaks:
        # Who may not connect is sent away; who may is listened to.
        for format, one in evidence.formats.items():
            one.trials["half"] = _ask_half(interview, format, limits.answer)
    if "silent" not in evidence.waits:
        ask_silence(interview, evidence)


def ask_silence(interview: Interview, evidence: Evidence) -> Trial:
    """Connect and say nothing."""
    silent = interview.wait("silent", "nothing", b"")
    evidence.waits["silent"] = silent
    return silent


def _ask_half(interview: Interview, format: str, patience: float) -> Trial:
    half = split(said(interview.client(), interview.port, format))[0]
    words = f"half a {format} preamble, and then nothing"
    trial = interview.wait(f"{format} half", words, half, patience=patience)
    # Whatever it says, half of one is no preamble that it took.
    return interview.revise(trial, taken=False)
