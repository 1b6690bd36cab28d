"""The questions of a probe in their order, each put on the strength of those before.

without a preamble     TLS, then HTTP, then silence: what does it speak?
each format            whole, and only if that is taken, its variations
once                   half a preamble, a whole one and then nothing, silence
again                  what the rest stands on, because an answer may be slow or lost
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sslmagic.probe.answer import Came
from sslmagic.probe.call import Caller
from sslmagic.probe.claim import Claims
from sslmagic.probe.evidence import Evidence
from sslmagic.probe.interview import Interview, Limits, StopError
from sslmagic.probe.opening import ask_without
from sslmagic.probe.patience import ask_patience
from sslmagic.probe.repetition import ask_again
from sslmagic.probe.report import Report, Speech, Stance, Trial
from sslmagic.probe.target import Target
from sslmagic.probe.variations import ask_variations
from sslmagic.probe.whole import ask_whole
from sslmagic.wire import FORMATS

__all__ = ["Survey"]


class Survey:
    """One run of questions.

    Args:
        target: whom to ask.
        formats: which preambles to send.
        request: the one request that is made, GET or HEAD.
        source: the address to ask from; None leaves it to the kernel.
        server_name: for SNI; None sends none.
        heard: called with each question and its answer as it comes.

    Raises:
        ValueError: no ClientHello can have this server name.
    """

    def __init__(
        self,
        target: Target,
        *,
        request: bytes,
        formats: Sequence[str] = FORMATS,
        limits: Limits | None = None,
        source: str | None = None,
        server_name: str | None = None,
        claims: Claims | None = None,
        heard: Callable[[Trial], None] | None = None,
    ) -> None:
        self._target = target
        self._caller = Caller(
            address=target.address,
            zone=target.zone,
            request=request,
            source=source,
            server_name=server_name,
        )
        self._formats = tuple(formats)
        self._limits = limits or Limits()
        self._heard = heard
        self._claims = claims

    def run(self) -> Report:
        """Ask all of it, as far as the limits go, which begin here."""
        interview = Interview(self._caller, self._limits, self._heard, self._claims)
        evidence = Evidence(self._formats)
        stopped = None
        try:
            _ask(interview, evidence)
        except StopError as stop:
            stopped = str(stop)
        trials = tuple(interview.trials)
        return Report(
            target=self._target,
            source=next((one.answer.local for one in trials if one.answer.local), ""),
            speaks=evidence.speaks,
            formats=tuple(evidence.reports()),
            silent=evidence.waits.get("silent"),
            half=evidence.waits.get("half"),
            after=evidence.waits.get("after"),
            trials=trials,
            again=tuple(evidence.again),
            stopped=stopped,
            seconds=interview.seconds,
        )


def _ask(interview: Interview, evidence: Evidence) -> None:
    ask_without(interview, evidence)
    for format in evidence.formats:
        ask_whole(interview, evidence, format)
    if _minds_the_request(evidence):
        evidence.speaks = Speech.HTTP
    for format, one in evidence.formats.items():
        is_read = evidence.stance(format) in (Stance.REQUIRED, Stance.ACCEPTED)
        if is_read and one.behind is not None:
            ask_variations(interview, one, one.behind)
    ask_patience(interview, evidence)
    ask_again(interview, evidence)


def _minds_the_request(evidence: Evidence) -> bool:
    """Whether HTTP is spoken, and something else is wrong with it: its Host say."""
    request = evidence.without.get(Speech.HTTP)
    if request is None or request.taken or evidence.behind:
        return False
    return request.answer.came is Came.HTTP
