"""Judges the front of each conversation as a receiver would that had its octets.

The receiver is `Reception`, fed with the octets that the capture has at the times at
which it has them. What this module adds is what a receiver cannot know: that octets are
missing, that a preamble comes late, what follows it, what was answered.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Final

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection, Timing
from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.front import Front
from sslmagic.capture.speech import answered, spoken
from sslmagic.capture.verdict import Verdict
from sslmagic.capture.words import (
    behind_hello,
    coming,
    conflict,
    left_off,
    missing,
    octets_said,
    seen,
    silence,
    stopped,
    unbegun,
    what_stands,
)
from sslmagic.errors import DecodeError, Reason
from sslmagic.hello import ClientHello
from sslmagic.reception import DEADLINE, Accepted, Outcome, Peer, Reception, Refused
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS, Frame, Learnt, signature

__all__ = ["ANYBODY", "Judge"]

ANYBODY: Final = Trust(("0.0.0.0/0", "::/0"), formats=FORMATS, anyone=True)
"""Every peer may name any client that a peer elsewhere may name."""

_SECOND: Final = 1_000_000_000
_FIRST: Final = {0xCD: "magic", 0x50: "proxy1", 0x0D: "proxy2"}
_LENGTHS: Final = {"magic": slice(3, 5), "proxy2": slice(14, 16)}
"""Where the formats that have one have their length."""


class _Unverified:
    """Waits for what a proof covers, and takes it as what it is without a key."""

    def bound(self, frame: Frame, peer: Peer) -> int:  # noqa: ARG002
        return 0 if frame.proof is None else frame.proof.bound

    def verify(self, frame: Frame, bound: bytes, peer: Peer, now: float) -> None:
        pass


class Judge:
    """Judges conversations. Picklable.

    Args:
        trust: who may speak for a client, and in which formats.
        deadline: seconds that a peer has for its whole preamble.
        limit: the longest preamble in octets; None for each format's own limit.
        ssl: whether TLS must follow a preamble.
        keys: whether the listener has keys. They are not known here: a proof is taken
            for right if what it covers is there. Without keys it is refused.
    """

    def __init__(
        self,
        trust: Trust = ANYBODY,
        *,
        deadline: float = DEADLINE,
        limit: int | None = None,
        ssl: bool = False,
        keys: bool = True,
    ) -> None:
        self.trust = trust
        self.deadline = deadline
        self.limit = limit
        self.ssl = ssl
        self.keys = keys
        self.wanted = Front(trust.formats, limit=limit)

    def connections(
        self, conversations: Iterable[Conversation]
    ) -> Iterable[Connection]:
        """Return each of them judged, as soon as it comes."""
        return map(self.judge, conversations)

    def judge(self, conversation: Conversation) -> Connection:
        """Return what is to be said of *conversation*."""
        found = self._judged(conversation)
        words = found.words
        if (rebuff := found.rebuff) is not None:
            words += f"; {rebuff}"
        if found.conflicting:
            words += f"; {conflict(found.conflicting)}"
        return (
            found if words is found.words else dataclasses.replace(found, words=words)
        )

    def _judged(self, conversation: Conversation) -> Connection:
        if not conversation.begun:
            # What looks like a preamble may be anything in the midst of a stream, put
            # there by whoever wants to be taken for somebody else.
            return _unseen(conversation, unbegun(conversation))
        reception, whole = self._received(conversation, None)
        if self.keys and _is_for_keys(reception.outcome):
            reception, whole = self._received(conversation, _Unverified())
        outcome = reception.outcome
        if outcome is None:
            start = conversation.accepted or conversation.opened
            seconds = max(seen(conversation) - start, 0) / _SECOND
            if not conversation.sent.octets and conversation.sent.missing is None:
                return self._silent(conversation, seconds)
            outcome = _end(reception, conversation, seconds)
            if outcome is None:
                return self._undecided(conversation, reception.frame)
        if isinstance(outcome, Accepted):
            return self._accepted(conversation, outcome, reception.frame, whole)
        return self._refused(conversation, outcome, reception.frame, whole)

    def _received(
        self, conversation: Conversation, verifier: _Unverified | None
    ) -> tuple[Reception, int | None]:
        """Return a receiver that had the octets, and when its preamble was whole."""
        start = conversation.accepted or conversation.opened
        reception = Reception(
            self.trust,
            conversation.peer,
            0.0,
            deadline=self.deadline,
            verifier=verifier,
            limit=self.limit,
        )
        octets = conversation.sent.octets
        at, whole = 0, None
        for there, now in conversation.sent.arrivals:
            if reception.outcome is not None:
                break
            reception.feed(octets[at:there], max(now - start, 0) / _SECOND)
            at = there
            if whole is None and reception.frame is not None:
                whole = now
        return reception, whole

    def _accepted(
        self,
        conversation: Conversation,
        outcome: Accepted,
        frame: Frame | None,
        whole: int | None,
    ) -> Connection:
        octets = conversation.sent.octets
        end = len(frame.octets) if frame else 0
        rest = octets[end:]
        follows = _follows(conversation, rest)
        tls, fault = _hello(rest) if follows == "tls" else (None, None)
        verdict, offset = Verdict.OK, None
        if frame is None:
            verdict = Verdict.DIRECT
            words = f"the client itself, {outcome.client}; no preamble is looked for"
        elif outcome.client is None:
            verdict = Verdict.LOCAL
            words = "the preamble names nobody: the sender speaks for itself"
        else:
            words = f"the client is {outcome.client}"
        if frame is not None:
            if (again := signature(rest)) is not None:
                verdict, offset = Verdict.NESTED, end
                words = f"octet {end}: a {again} preamble behind the {frame.format} one"
            elif fault is not None:
                verdict, offset = Verdict.HELLO, end + fault.offset
                words = f"octet {offset}: {fault.message}"
            elif tls is not None and (late := signature(rest[tls.length :])):
                verdict, offset = Verdict.LATE, end + tls.length
                words = behind_hello(late, offset)
            elif self.ssl and follows not in ("tls", "nothing", "unseen"):
                verdict, offset = Verdict.HELLO, end
                words = (
                    f"octet {end}: {what_stands(follows, rest)} where TLS must follow"
                )
        if frame is not None and frame.proof is not None:
            unverified = "signed, the proof is not verified (no keys here)"
            words = (
                f"{unverified}; {words}" if offset is None else f"{words}; {unverified}"
            )
        if follows == "tls" and tls is None and verdict in (Verdict.OK, Verdict.LOCAL):
            words += f"; {octets_said(len(rest))} of the ClientHello came, not all"
        return Connection(
            conversation=conversation,
            verdict=verdict,
            words=printable(words),
            offset=offset,
            format=frame.format if frame else None,
            frame=frame,
            preamble=outcome.preamble,
            client=outcome.client,
            follows=follows,
            tls=tls,
            answer=answered(conversation.answered.octets),
            timing=_timing(conversation, whole, end + tls.length if tls else None),
        )

    def _refused(
        self,
        conversation: Conversation,
        outcome: Refused,
        frame: Frame | None,
        whole: int | None,
    ) -> Connection:
        octets = conversation.sent.octets
        detail = outcome.detail.removesuffix(f" (at byte {outcome.offset})")
        verdict, offset = Verdict.of(outcome.reason), outcome.offset
        format = frame.format if frame else signature(octets)
        begun = format or self._begun(octets)
        tls, fault = None, None
        if outcome.reason is Reason.FORMAT and self._is_none(octets, offset or 0):
            format, frame, whole = None, None, None
            follows = spoken(octets)
            if follows == "tls":
                tls, fault = _hello(octets)
            verdict, offset, words = missing(octets, follows, tls, fault)
        elif outcome.reason is Reason.PEER:
            format, follows = None, spoken(octets)
            tls = _hello(octets)[0] if follows == "tls" else None
            words = f"{conversation.peer.host} may not connect here: {detail}"
        else:
            if outcome.reason is Reason.FORMAT and format is not None:
                accepted = " or ".join(self.trust.formats)
                detail = f"a {format} preamble, where {accepted} is accepted"
            elif (at := _LENGTHS.get(begun or "")) and offset == at.start:
                length = int.from_bytes(octets[at], "big")
                detail = f"length {length}: {detail}"
            if verdict in (Verdict.TRUNCATED, Verdict.RESET, Verdict.TIMEOUT):
                words = stopped(conversation, verdict, self.deadline, frame)
            else:
                words = detail if offset is None else f"octet {offset}: {detail}"
            format = begun
            rest = octets[len(frame.octets) :] if frame else b""
            follows = _follows(conversation, rest) if frame else "unknown"
            tls = _hello(rest)[0] if follows == "tls" else None
        end = len(frame.octets) if frame else 0
        return Connection(
            conversation=conversation,
            verdict=verdict,
            words=printable(words),
            offset=offset,
            format=format,
            frame=frame,
            follows=follows,
            tls=tls,
            answer=answered(conversation.answered.octets),
            timing=_timing(conversation, whole, end + tls.length if tls else None),
        )

    def _silent(self, conversation: Conversation, seconds: float) -> Connection:
        verdict, words = Verdict.SILENT, silence(conversation)
        is_last = conversation.ended is Ended.OPEN and conversation.until is not None
        if is_last and seconds < self.deadline:
            # It has time left, as one that is in the midst of its preamble.
            verdict, words = Verdict.WAITING, f"{words}, and {left_off(conversation)}"
        return _bare(conversation, verdict, words, None, "nothing")

    def _undecided(self, conversation: Conversation, frame: Frame | None) -> Connection:
        sent = conversation.sent
        if sent.missing is not None:
            return _unseen(conversation, f"octet {sent.missing} is not in the capture")
        format = signature(sent.octets) or self._begun(sent.octets)
        words = f"{coming(sent.octets, frame)}, and {left_off(conversation)}"
        return _bare(conversation, Verdict.WAITING, words, format, "nothing")

    def _is_none(self, octets: bytes, offset: int) -> bool:
        """Return whether octets that are of no format are something else altogether."""
        if signature(octets) is not None:
            return False
        return (offset == 0 and not self._begun(octets)) or spoken(octets) != "other"

    def _begun(self, octets: bytes) -> str | None:
        """Return the format that the first octet announces (spec.md section 3.1)."""
        if not octets:
            return None
        for format in self.trust.formats:
            if isinstance(format, Learnt) and octets[0] in format.firsts:
                return format
        return _FIRST.get(octets[0])


def _is_for_keys(outcome: Outcome | None) -> bool:
    """Whether a receiver without keys has refused what one with keys must judge.

    Few preambles are signed, and of the others it says the same, and sooner.
    """
    return isinstance(outcome, Refused) and outcome.reason is Reason.PROOF


def _end(
    reception: Reception, conversation: Conversation, seconds: float
) -> Accepted | Refused | None:
    """Return what became of a preamble that is not whole; None if nobody can tell."""
    if conversation.sent.missing is not None:
        return None
    if conversation.ended is Ended.RESET:
        return reception.reset(seconds)
    if conversation.ended is Ended.CLOSED and conversation.ended_by == "listener":
        # It did not wait: the sender is not to blame, though it closes as well then.
        return reception.reset(seconds)
    if conversation.sent.ends or conversation.ended is Ended.CLOSED:
        return reception.close(seconds)
    return reception.expire(seconds)


def _unseen(conversation: Conversation, why: str) -> Connection:
    sent = conversation.sent
    format = signature(sent.octets) if sent.octets else None
    return _bare(conversation, Verdict.UNSEEN, why, format, "unseen")


def _bare(
    conversation: Conversation,
    verdict: Verdict,
    words: str,
    format: str | None,
    follows: str,
) -> Connection:
    return Connection(
        conversation=conversation,
        verdict=verdict,
        words=words,
        format=format,
        follows=follows,
        answer=answered(conversation.answered.octets),
        timing=_timing(conversation, None, None),
    )


def _follows(conversation: Conversation, rest: bytes) -> str:
    if not rest and conversation.sent.missing is not None:
        return "unseen"
    return spoken(rest)


def _hello(octets: bytes) -> tuple[ClientHello | None, DecodeError | None]:
    """Return the ClientHello; or why there is none, unless it is not all there."""
    try:
        return ClientHello.parse(octets), None
    except DecodeError as error:
        return None, error if error.reason is Reason.HELLO else None


def _timing(
    conversation: Conversation, preamble: int | None, hello: int | None
) -> Timing:
    """Return the times; *hello* is where it ends in the peer's stream."""
    answers = conversation.answered.arrivals
    ended = conversation.ended is not Ended.OPEN
    return Timing(
        accepted=conversation.accepted,
        preamble=preamble,
        hello=None if hello is None else _arrived(conversation, hello),
        answer=answers[0][1] if answers else None,
        closed=conversation.closed if ended else None,
    )


def _arrived(conversation: Conversation, count: int) -> int | None:
    """Return when so many octets of the peer's were there."""
    arrivals = conversation.sent.arrivals
    return next((time for there, time in arrivals if there >= count), None)
