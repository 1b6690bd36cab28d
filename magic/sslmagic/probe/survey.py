"""The questions of a probe in their order, each put on the strength of those before.

    without a preamble     TLS, then HTTP, then silence: what does it speak?
    each format            whole, and only if that is taken, its variations
    once                   half a preamble, a whole one and then nothing, silence

One connection at a time, a pause between two, and bounds for their number and time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.call import Caller
from sslmagic.probe.claim import CHECKED, Claims, bad_checksum, local, said
from sslmagic.probe.question import Question, Then, octets, split
from sslmagic.probe.report import (
    Belief,
    FormatReport,
    Report,
    Speech,
    Stance,
    Trial,
    believed,
    spoken,
)
from sslmagic.probe.target import Target
from sslmagic.wire import FORMATS

__all__ = ["MOST", "Limits", "Survey"]

MOST = 40
"""Connections that the longest run makes."""

_INSIDE = ("proxy1", "proxy2")
"""Formats that some servers read within TLS: gunicorn with its own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a probe goes; all times in seconds."""

    connections: int = MOST
    timeout: float = 120.0
    """For all of it."""
    answer: float = 3.0
    """To listen for the answer to what was asked."""
    patience: float = 10.0
    """To listen to somebody who waits for more."""
    pause: float = 0.05
    """Between two connections."""
    late: float = 1.0
    """Before a late preamble: well within 5, the deadline that is usual, and within 3,
    the shortest that proxy-protocol.txt allows."""
    between: float = 0.005
    """Between two octets that are sent by themselves."""


class _StopError(Exception):
    """No more is asked; the words say why."""


class Survey:
    """One run of questions.

    Args:
        target: whom to ask.
        formats: which preambles to send.
        request: the one request that is made, GET or HEAD.
        source: the address to ask from; None leaves it to the kernel.
        server_name: for SNI; None sends none.
        heard: called with each question and its answer as it comes.
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
        self._formats = tuple(formats)
        self._limits = limits or Limits()
        self._claims = claims or Claims()
        self._heard = heard or (lambda trial: None)
        self._caller = Caller(
            address=target.address,
            request=request,
            source=source,
            server_name=server_name,
        )
        self._trials: list[Trial] = []
        self._reports: dict[str, tuple[Speech | None, dict[str, Trial]]] = {}
        self._speaks: Speech | None = None
        self._status: int | None = None
        self._says_400 = False
        self._once: dict[str, Trial] = {}
        self._began = time.monotonic()

    def run(self) -> Report:
        """Ask all of it, as far as the limits go."""
        self._began = time.monotonic()
        stopped = None
        try:
            self._ask_without()
            for format in self._formats:
                self._ask_format(format)
            if self._says_400 and not any(one for one, _ in self._reports.values()):
                # It minds the request as well, its Host say: HTTP it does speak.
                self._speaks = Speech.HTTP
            for format in self._formats:
                self._ask_variations(format)
            self._ask_patience()
        except _StopError as stop:
            stopped = str(stop)
        return Report(
            target=self._target,
            source=next((t.answer.local for t in self._trials if t.answer.local), ""),
            speaks=self._speaks,
            formats=tuple(map(self._report, self._reports)),
            silent=self._once.get("silent"),
            half=self._once.get("half"),
            after=self._once.get("after"),
            trials=tuple(self._trials),
            stopped=stopped,
            seconds=time.monotonic() - self._began,
        )

    def _ask_without(self) -> None:
        hello = Question(name="tls", words="a ClientHello at once", then=Then.TLS)
        request = Question(name="http", words="a request in clear", then=Then.HTTP)
        for question in (hello, request):
            trial = self._put(question)
            if trial.taken:
                self._speaks = spoken(trial.answer)
                self._status = trial.answer.status
                return
        self._says_400 = trial.answer.came is Came.HTTP
        if spoken(self._ask_silence().answer, is_quiet=True) is Speech.FIRST:
            self._speaks = Speech.FIRST

    def _ask_format(self, format: str) -> None:
        trials: dict[str, Trial] = {}
        self._reports[format] = None, trials
        if self._speaks is Speech.FIRST:
            # Nothing that it says could tell a preamble that it took from none.
            return
        client = self._claims.client()
        for then in self._continuations():
            trial = self._put_preamble(
                format,
                "whole",
                "a preamble",
                said(client, self._port, format),
                client=client,
                then=then,
            )
            trials.setdefault("whole", trial)
            if trial.taken:
                trials["whole"] = trial
                behind = spoken(trial.answer, is_quiet=then is Then.NOTHING)
                self._reports[format] = behind, trials
                return
        if self._speaks is Speech.TLS and format in _INSIDE:
            client = self._claims.client()
            inside = said(client, self._port, format)
            trials["inside"] = self._put(
                Question(
                    name=f"{format} inside",
                    words=f"a {format} preamble within TLS, in front of the request",
                    inside=inside,
                ),
                client=client,
            )

    def _continuations(self) -> tuple[Then, ...]:
        """What may follow a preamble, the likeliest first."""
        known = {behind for behind, _ in self._reports.values()} | {self._speaks}
        if Speech.TLS in known:
            return (Then.TLS,)
        if Speech.HTTP in known:
            return (Then.HTTP,)
        if Speech.FIRST in known:
            return (Then.NOTHING,)
        silent = self._once.get("silent")
        if silent is not None and silent.answer.is_end_at_once:
            return (Then.TLS,)
        return Then.TLS, Then.HTTP, Then.NOTHING

    def _ask_variations(self, format: str) -> None:
        behind, trials = self._reports[format]
        if behind is None:
            return
        limits, port = self._limits, self._port
        then = _FOLLOWS[behind]

        def put(
            name: str, words: str, octets: bytes, client: Endpoint | None, **how: float
        ) -> Trial:
            trials[name] = self._put_preamble(
                format,
                name,
                words,
                octets,
                client=client,
                then=then,
                like=trials["whole"],
                **how,
            )
            return trials[name]

        client = self._claims.client()
        plain = said(client, port, format)
        put("halves", "a preamble in two pieces", plain, client, cut=2, between=0.05)
        put(
            "octets",
            "a preamble octet by octet",
            plain,
            client,
            cut=len(plain),
            between=limits.between,
        )
        put(
            "late",
            f"a preamble after {limits.late:g} s",
            plain,
            client,
            delay=limits.late,
        )
        put("local", "a preamble without a client", local(format), None)
        if format in CHECKED:
            client = self._claims.client()
            wrong = bad_checksum(client, port, format)
            if not put("bad_checksum", "a wrong CRC32C", wrong, client).taken:
                right = said(client, port, format, crc32c=True)
                put("checksum", "a right CRC32C", right, client)
        first, second = self._claims.client(), self._claims.client()
        both = said(first, port, format) + said(second, port, format)
        nested = put("nested", "two preambles", both, first)
        if nested.taken and _shows(nested, second, port):
            last = dataclasses.replace(nested, belief=Belief.BELIEVED, last=True)
            trials["nested"] = last
        home = self._claims.loopback()
        put(
            "loopback",
            f"a preamble that claims {home.host}",
            said(home, port, format),
            home,
        )
        if behind is Speech.TLS:
            client = self._claims.client()
            trials["clear"] = self._put_preamble(
                format,
                "clear",
                "a preamble and a request in clear",
                said(client, port, format),
                client=client,
                then=Then.HTTP,
            )

    def _ask_patience(self) -> None:
        """What the listener does with somebody who says no more, once for all."""
        taken = [name for name, (behind, _) in self._reports.items() if behind]
        for format in taken[:1]:
            self._once["after"] = self._put_waiting(
                f"{format} after",
                f"a {format} preamble, and then nothing",
                said(self._claims.client(), self._port, format),
            )
            self._once["half"] = self._ask_half(format, self._limits.patience)
        if not taken and not self._speaks:
            # Who may not connect is sent away; who may is listened to.
            for format, (_, trials) in self._reports.items():
                trials["half"] = self._ask_half(format, self._limits.answer)
        if "silent" not in self._once:
            self._ask_silence()

    def _ask_silence(self) -> Trial:
        self._once["silent"] = self._put_waiting("silent", "nothing", b"")
        return self._once["silent"]

    def _ask_half(self, format: str, patience: float) -> Trial:
        half = split(said(self._claims.client(), self._port, format))[0]
        words = f"half a {format} preamble, and then nothing"
        return self._put_waiting(f"{format} half", words, half, patience=patience)

    def _put_waiting(
        self, name: str, words: str, octets: bytes, *, patience: float | None = None
    ) -> Trial:
        return self._put(
            Question(
                name=name,
                words=words,
                pieces=(octets,) if octets else (),
                then=Then.NOTHING,
                patience=patience or self._limits.patience,
                to_the_end=True,
            )
        )

    def _put_preamble(
        self,
        format: str,
        name: str,
        words: str,
        preamble: bytes,
        *,
        client: Endpoint | None,
        then: Then,
        like: Trial | None = None,
        cut: float = 1,
        between: float = 0.0,
        delay: float = 0.0,
    ) -> Trial:
        pieces = {1: (preamble,), 2: split(preamble)}.get(int(cut)) or octets(preamble)
        question = Question(
            name=f"{format} {name}",
            words=f"{words}: {format}",
            pieces=pieces,
            then=then,
            between=between,
            delay=delay,
        )
        return self._put(question, client=client, like=like)

    def _put(
        self,
        question: Question,
        *,
        client: Endpoint | None = None,
        like: Trial | None = None,
    ) -> Trial:
        """Put a question.

        Args:
            client: whom it claims.
            like: what was taken; a proxy may take a preamble that the server behind it
                refuses, and then has nothing to say.
        """
        limits = self._limits
        left = self._began + limits.timeout - time.monotonic()
        if len(self._trials) >= limits.connections:
            raise _StopError(f"{limits.connections} connections were made")
        if left <= 0:
            raise _StopError(f"{limits.timeout:g} s were over")
        if self._trials:
            time.sleep(min(limits.pause, left))
        if not question.to_the_end:
            question = dataclasses.replace(question, patience=limits.answer)
        answer = self._caller.ask(question, within=left)
        taken = self._is_taken(question, answer)
        if like is not None and like.answer.text and not answer.text:
            taken = False
        shown = Belief.NOT_SHOWN
        if client is not None and taken:
            shown = believed(answer.text, client.host, answer.local, self._port)
        if question.inside:
            # Many a server skips what it does not understand in front of a request.
            taken = shown is Belief.BELIEVED
        trial = Trial(question=question, answer=answer, taken=taken, belief=shown)
        self._trials.append(trial)
        self._heard(trial)
        if answer.came is Came.UNREACHABLE:
            raise _StopError(f"no connection any more: {answer.error}")
        return trial

    def _is_taken(self, question: Question, answer: Answer) -> bool:
        """Whether the listener served, as it does without a preamble if it does."""
        if question.inside:
            return self._is_served(answer.status)
        speech = spoken(answer, is_quiet=question.then is Then.NOTHING)
        if speech is not _SHOWN[question.then]:
            return False
        if speech is Speech.HTTP and question.preamble:
            return self._is_served(answer.status)
        return True

    def _is_served(self, status: int | None) -> bool:
        if self._status is None:
            return status is not None and status not in _NOT_UNDERSTOOD
        return status is not None and (status < 400 or status == self._status)

    def _report(self, format: str) -> FormatReport:
        behind, trials = self._reports[format]
        if self._speaks is Speech.FIRST:
            stance = Stance.UNKNOWN
        elif behind is None:
            stance = Stance.REFUSED
        elif self._speaks is None:
            stance = Stance.REQUIRED
        elif self._is_ignored(trials["whole"]):
            stance = Stance.IGNORED
        else:
            stance = Stance.ACCEPTED
        return FormatReport(format=format, stance=stance, behind=behind, trials=trials)

    def _is_ignored(self, whole: Trial) -> bool:
        """Whether nothing shows that the preamble made a difference."""
        if self._speaks is Speech.HTTP:
            # Many a server skips what it does not understand in front of a request.
            return whole.belief is not Belief.BELIEVED
        return whole.belief is Belief.OWN

    @property
    def _port(self) -> int:
        return self._target.address.port


_SHOWN = {Then.TLS: Speech.TLS, Then.HTTP: Speech.HTTP, Then.NOTHING: Speech.FIRST}
"""What shows that the listener has understood what was sent behind a preamble."""
_FOLLOWS = {speech: then for then, speech in _SHOWN.items()}
_NOT_UNDERSTOOD = {400, 405, 501, 505}
"""What HTTP servers say to octets that make no request they know."""


def _shows(trial: Trial, client: Endpoint, port: int) -> bool:
    return believed(trial.answer.text, client.host, "", port) is Belief.BELIEVED
