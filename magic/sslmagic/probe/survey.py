"""The questions of a probe in their order, each put on the strength of those before.

without a preamble     TLS, then HTTP, then silence: what does it speak?
each format            whole, and only if that is taken, its variations
once                   half a preamble, a whole one and then nothing, silence
again                  what the rest stands on, because an answer may be slow or lost
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Came
from sslmagic.probe.call import Caller
from sslmagic.probe.claim import CHECKED, Claims, bad_checksum, local, said
from sslmagic.probe.control import altered, is_alike
from sslmagic.probe.interview import FOLLOWS, Interview, Limits, StopError
from sslmagic.probe.question import Question, Then, split
from sslmagic.probe.report import (
    Belief,
    FormatReport,
    Report,
    Speech,
    Stance,
    Trial,
    believed,
    differ,
    spoken,
)
from sslmagic.probe.target import Target
from sslmagic.wire import FORMATS

__all__ = ["Survey"]

_INSIDE = ("proxy1", "proxy2")
"""Formats that some servers read within TLS: gunicorn with its own."""

_MENDABLE = ("halves", "octets", "late", "local", "checksum")
"""Variations that a receiver should take, so that it is a fault if it does not."""
_BY_THEN = {then: speech for speech, then in FOLLOWS.items()}


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
        self._formats = tuple(formats)
        self._claims = claims or Claims()
        self._limits = limits or Limits()
        caller = Caller(
            address=target.address,
            request=request,
            source=source,
            server_name=server_name,
        )
        self._interview = Interview(caller, self._limits, heard)
        self._reports: dict[str, tuple[Speech | None, dict[str, Trial]]] = {}
        self._speaks: Speech | None = None
        self._says_400 = False
        self._asked: set[str] = set()
        """Formats of which all was asked that tells whether they are taken."""
        self._alike: set[str] = set()
        """Formats that get what the same octets get that are no preamble."""
        self._once: dict[str, Trial] = {}
        self._without: dict[Speech, Trial] = {}
        self._again: list[tuple[Trial, Trial]] = []

    def run(self) -> Report:
        """Ask all of it, as far as the limits go; once."""
        stopped = None
        try:
            self._ask_without()
            for format in self._formats:
                self._ask_format(format)
                self._asked.add(format)
            if self._says_400 and not any(one for one, _ in self._reports.values()):
                # It minds the request as well, its Host say: HTTP it does speak.
                self._speaks = Speech.HTTP
            for format in self._formats:
                self._ask_variations(format)
            self._ask_patience()
            self._ask_again()
        except StopError as stop:
            stopped = str(stop)
        trials = tuple(self._interview.trials)
        return Report(
            target=self._target,
            source=next((one.answer.local for one in trials if one.answer.local), ""),
            speaks=self._speaks,
            formats=tuple(self._format_reports()),
            silent=self._once.get("silent"),
            half=self._once.get("half"),
            after=self._once.get("after"),
            trials=trials,
            again=tuple(self._again),
            stopped=stopped,
            seconds=self._interview.seconds,
        )

    def _ask_without(self) -> None:
        hello = Question(name="tls", words="a ClientHello at once", then=Then.TLS)
        request = Question(name="http", words="a request in clear", then=Then.HTTP)
        for question in (hello, request):
            trial = self._interview.put(question)
            self._without[_BY_THEN[question.then]] = trial
            if trial.taken:
                self._speaks = spoken(trial.answer)
                self._interview.baseline = trial.answer
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
        client = self._client()
        for then in self._continuations():
            trial = self._interview.put_preamble(
                format,
                "whole",
                "a preamble",
                said(client, self._interview.port, format),
                client=client,
                then=then,
            )
            first = trials.setdefault("whole", trial)
            if trial.taken and self._is_of_anybody(trial):
                trial = self._held_against_control(format, trial, trials)
            if trial.taken or first.question is trial.question:
                trials["whole"] = trial
            if trial.taken:
                behind = spoken(trial.answer, is_quiet=then is Then.NOTHING)
                self._reports[format] = behind, trials
                return
        if self._speaks is Speech.TLS and format in _INSIDE:
            client = self._client()
            inside = said(client, self._interview.port, format)
            trials["inside"] = self._interview.put(
                Question(
                    name=f"{format} inside",
                    words=f"a {format} preamble within TLS, in front of the request",
                    inside=inside,
                ),
                client=client,
            )

    def _held_against_control(
        self, format: str, whole: Trial, trials: dict[str, Trial]
    ) -> Trial:
        """Return the trial, as what the same gets that is no preamble makes it."""
        question = whole.question
        control = self._interview.put_preamble(
            format,
            "control",
            "the same with a wrong letter in the signature",
            altered(question.preamble, format),
            client=None,
            then=question.then,
        )
        trials["control"] = control
        if not is_alike(whole.answer, control.answer):
            return whole
        if whole.answer.came in (Came.HTTP, Came.TLS):
            self._alike.add(format)
            if (whole.answer.status or 0) < 400:
                # It serves with octets in front, whatever they are.
                return whole
        return self._interview.revise(whole, taken=False, belief=Belief.NOT_SHOWN)

    def _is_of_anybody(self, whole: Trial) -> bool:
        """Whether octets that nobody has understood may get this answer as well."""
        # A complete handshake answers nothing but a ClientHello, and whoever shows the
        # claim has read it.
        is_shaken = whole.answer.version is not None
        return not is_shaken and whole.belief is not Belief.BELIEVED

    def _client(self) -> Endpoint:
        known = {one.answer.local for one in self._interview.trials}
        return self._claims.client(known | {self._target.address.host})

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
        if self._stance(format) not in (Stance.REQUIRED, Stance.ACCEPTED):
            return
        assert behind is not None
        limits, port = self._limits, self._interview.port
        then = FOLLOWS[behind]

        def put(
            name: str, words: str, octets: bytes, client: Endpoint | None, **how: Any
        ) -> Trial:
            trials[name] = self._interview.put_preamble(
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

        client = self._client()
        plain = said(client, port, format)
        put(
            "halves",
            "a preamble in two pieces",
            plain,
            client,
            cut=2,
            between=limits.gap,
        )
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
            client = self._client()
            wrong = bad_checksum(client, port, format)
            if not put("bad_checksum", "a wrong CRC32C", wrong, client).taken:
                right = said(client, port, format, crc32c=True)
                put("checksum", "a right CRC32C", right, client)
        first, second = self._client(), self._client()
        both = said(first, port, format) + said(second, port, format)
        nested = put("nested", "two preambles", both, first)
        if nested.taken and _shows(nested, second, port):
            trials["nested"] = self._interview.revise(
                nested, belief=Belief.BELIEVED, last=True
            )
        home = self._claims.loopback()
        put(
            "loopback",
            f"a preamble that claims {home.host}",
            said(home, port, format),
            home,
        )
        if behind is Speech.TLS:
            then, client = Then.HTTP, self._client()
            octets = said(client, port, format)
            put("clear", "a preamble and a request in clear", octets, client)

    def _ask_patience(self) -> None:
        """What the listener does with somebody who says no more, once for all."""
        taken = [name for name, (behind, _) in self._reports.items() if behind]
        for format in taken[:1]:
            self._once["after"] = self._interview.wait(
                f"{format} after",
                f"a {format} preamble, and then nothing",
                said(self._client(), self._interview.port, format),
            )
            self._once["half"] = self._ask_half(format, self._limits.patience)
        if not taken and not self._speaks:
            # Who may not connect is sent away; who may is listened to.
            for format, (_, trials) in self._reports.items():
                trials["half"] = self._ask_half(format, self._limits.answer)
        if "silent" not in self._once:
            self._ask_silence()

    def _ask_again(self) -> None:
        """Ask once more what the stances stand on: one answer may be slow or lost."""
        for format, (behind, trials) in self._reports.items():
            whole = trials.get("whole")
            if whole is not None and self._is_doubtful(behind, trials):
                client = self._client()
                trials["again"] = self._interview.put_preamble(
                    format,
                    "again",
                    "a preamble once more",
                    said(client, self._interview.port, format),
                    client=client,
                    then=whole.question.then,
                    like=whole if whole.taken else None,
                )
        known = {behind for behind, _ in self._reports.values() if behind}
        if self._speaks is Speech.FIRST or known == {Speech.FIRST}:
            # It was heard, and the controls have heard whether it speaks to anybody.
            return
        for speech, first in self._without.items():
            if first.taken or (not self._speaks and (not known or speech in known)):
                question = first.question
                once_more = dataclasses.replace(
                    question,
                    name=f"{question.name} again",
                    words=f"{question.words}, once more",
                )
                self._again.append((first, self._interview.put(once_more)))

    def _is_doubtful(self, behind: Speech | None, trials: dict[str, Trial]) -> bool:
        """Whether a loss would explain what was not taken."""
        if behind is not None:
            return any(name in trials and not trials[name].taken for name in _MENDABLE)
        is_silent = trials["whole"].answer.came is Came.SILENCE
        served = self._speaks or any(one for one, _ in self._reports.values())
        return is_silent and bool(served)

    def _ask_silence(self) -> Trial:
        self._once["silent"] = self._interview.wait("silent", "nothing", b"")
        return self._once["silent"]

    def _ask_half(self, format: str, patience: float) -> Trial:
        half = split(said(self._client(), self._interview.port, format))[0]
        words = f"half a {format} preamble, and then nothing"
        name = f"{format} half"
        trial = self._interview.wait(name, words, half, patience=patience)
        # Whatever it says, half of one is no preamble that it took.
        return self._interview.revise(trial, taken=False)

    def _format_reports(self) -> Iterator[FormatReport]:
        for format, (behind, trials) in self._reports.items():
            # Where a limit came first, nothing is known.
            if format in self._asked:
                yield self._report(format, behind, trials)

    def _report(
        self, format: str, behind: Speech | None, trials: dict[str, Trial]
    ) -> FormatReport:
        stance = self._stance(format)
        if stance is Stance.UNKNOWN:
            behind = None
        return FormatReport(format=format, stance=stance, behind=behind, trials=trials)

    def _stance(self, format: str) -> Stance:
        behind, trials = self._reports[format]
        if self._speaks is Speech.FIRST or any(map(differ, self._again)):
            return Stance.UNKNOWN
        if (again := trials.get("again")) and again.taken != trials["whole"].taken:
            return Stance.UNKNOWN
        if behind is None:
            return Stance.UNKNOWN if format in self._alike else Stance.REFUSED
        if format in self._alike:
            return Stance.IGNORED
        return Stance.REQUIRED if self._speaks is None else Stance.ACCEPTED


def _shows(trial: Trial, client: Endpoint, port: int) -> bool:
    return believed(trial.answer.text, client.host, "", port) is Belief.BELIEVED
