"""Puts questions to one listener, within limits, and keeps what was heard.

One connection at a time, a pause between two, and bounds for their number and time.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.call import Caller
from sslmagic.probe.claim import Claims
from sslmagic.probe.judgement import judged
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Trial

__all__ = ["MOST", "Interview", "Limits", "StopError"]

MOST = 40
"""Connections that the longest run makes."""


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
    gap: float = 0.2
    """Between two pieces: a busy listener shall have looked at the first."""
    between: float = 0.005
    """Between two octets that are sent by themselves."""


class StopError(Exception):
    """No more is asked; the words say why."""


class Interview:
    """The questions of one run, as they are put.

    Args:
        caller: who puts them.
        heard: called with each question and its answer as it comes.
        claims: the clients that they claim.
    """

    def __init__(
        self,
        caller: Caller,
        limits: Limits,
        heard: Callable[[Trial], None] | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.limits = limits
        self.port = caller.address.port
        self.trials: list[Trial] = []
        self.baseline: Answer | None = None
        """What was served without a preamble, once that is known."""
        self.claims = claims or Claims()
        self._caller = caller
        self._heard = heard
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds since the first question could be put."""
        return time.monotonic() - self._began

    def client(self) -> Endpoint:
        """Return a client that was not claimed before, neither of the two ends."""
        ends = {one.answer.local for one in self.trials}
        return self.claims.client(ends | {self._caller.address.host})

    def wait(
        self, name: str, words: str, octets: bytes, *, patience: float | None = None
    ) -> Trial:
        """Say no more than *octets*, and see when the listener ends the connection."""
        return self.put(
            Question(
                name=name,
                words=words,
                pieces=(octets,) if octets else (),
                then=Then.NOTHING,
                patience=patience or self.limits.patience,
                to_the_end=True,
            )
        )

    def put_preamble(
        self,
        format: str,
        name: str,
        words: str,
        preamble: bytes,
        *,
        client: Endpoint | None,
        then: Then,
        like: Trial | None = None,
        cut: Callable[[bytes], tuple[bytes, ...]] | None = None,
        between: float = 0.0,
        delay: float = 0.0,
    ) -> Trial:
        """Put a preamble in front of what follows; the rest is as for `put`.

        Args:
            cut: what makes pieces of it; None leaves it whole.
            between: seconds between two pieces.
            delay: seconds before the first.
        """
        question = Question(
            name=f"{format} {name}",
            words=f"{words}: {format}",
            pieces=(preamble,) if cut is None else cut(preamble),
            then=then,
            between=between,
            delay=delay,
        )
        return self.put(question, client=client, like=like)

    def put(
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

        Raises:
            StopError: a limit is reached, or nobody listens.
        """
        limits = self.limits
        if len(self.trials) >= limits.connections:
            raise StopError(f"{limits.connections} connections were made")
        if self.trials:
            time.sleep(max(min(limits.pause, limits.timeout - self.seconds), 0.0))
        # The pause is of the time as well.
        left = limits.timeout - self.seconds
        if left <= 0:
            raise StopError(f"{limits.timeout:g} s were over")
        if not question.to_the_end:
            question = dataclasses.replace(question, patience=limits.answer)
        answer = self._caller.ask(question, within=left)
        trial = judged(
            question,
            answer,
            client=client,
            port=self.port,
            like=None if like is None else like.answer,
            baseline=self.baseline,
        )
        self.trials.append(trial)
        if self._heard is not None:
            self._heard(trial)
        if not trial.taken and self.seconds >= limits.timeout:
            # It was not listened to for as long as it may take.
            raise StopError(f"{limits.timeout:g} s were over")
        if answer.came is Came.UNREACHABLE:
            raise StopError(f"no connection any more: {answer.error}")
        return trial

    def revise(self, trial: Trial, **changes: Any) -> Trial:
        """Return the trial as what was heard since makes it, and keep it so."""
        revised = dataclasses.replace(trial, **changes)
        self.trials[self.trials.index(trial)] = revised
        return revised
