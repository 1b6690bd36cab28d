"""The words of a verdict where a receiver has none, or too few."""

from __future__ import annotations

from typing import Final

from sslmagic.capture.conversation import Conversation, Ended
from sslmagic.capture.verdict import Verdict
from sslmagic.errors import DecodeError
from sslmagic.hello import ClientHello
from sslmagic.wire import Frame, signature

__all__ = [
    "behind_hello",
    "coming",
    "conflict",
    "left_off",
    "missing",
    "octets_said",
    "seen",
    "silence",
    "stopped",
    "unbegun",
    "what_stands",
]

_EXCERPT: Final = 40
"""Characters of a request or banner that are quoted."""
_SECOND: Final = 1_000_000_000


def missing(
    octets: bytes, follows: str, tls: ClientHello | None, fault: DecodeError | None
) -> tuple[Verdict, int, str]:
    """Return verdict, offset and words of a front that is no preamble.

    *fault* is why what looks like a ClientHello is none.
    """
    if tls is not None and (late := signature(octets[tls.length :])) is not None:
        return Verdict.LATE, tls.length, behind_hello(late, tls.length)
    if fault is not None:
        return Verdict.MISSING, 0, f"no preamble, and no ClientHello: {fault.message}"
    if follows == "tls":
        to = f" to {tls.server_name}" if tls and tls.server_name else ""
        words = (
            f"TLS{to} began at once, without a preamble: it is off at the sender"
            " (ssl_enhance, send-proxy), or this is the clients' side of a gateway"
        )
        return Verdict.MISSING, 0, words
    return Verdict.MISSING, 0, f"no preamble, but {what_stands(follows, octets)}"


def behind_hello(format: str, offset: int) -> str:
    """Return that a preamble comes too late."""
    return f"octet {offset}: a {format} preamble behind the ClientHello"


def what_stands(follows: str, octets: bytes) -> str:
    """Return what *octets* are, which start something that is called *follows*."""
    if follows in ("http", "ssh"):
        line = octets.partition(b"\n")[0].rstrip().decode("latin-1")
        kind = "an HTTP request" if follows == "http" else "an SSH banner"
        return f"{kind} ({line[:_EXCERPT]})"
    if follows == "other":
        first = octets[:8]
        text = first.decode("latin-1")
        if text.isascii() and text.rstrip().isprintable():
            line = octets.partition(b"\n")[0].rstrip().decode("latin-1")
            return f"text ({line[:_EXCERPT]})"
        return f"octets {first.hex(' ')}"
    return {"tls": "TLS"}.get(follows, f"a {follows} preamble")


def stopped(
    conversation: Conversation,
    verdict: Verdict,
    deadline: float,
    frame: Frame | None = None,
) -> str:
    """Return why a preamble, or what its proof covers, never became whole."""
    if verdict is Verdict.TIMEOUT:
        what = "what its proof covers" if frame else "the preamble"
        return f"{what} was not whole within {deadline:g} s"
    have = coming(conversation.sent.octets, frame)
    return f"after {have}{how_it_ended(conversation)}"


def coming(octets: bytes, frame: Frame | None = None) -> str:
    """Return how much there is of a preamble, or behind it of what a proof covers."""
    if frame is None:
        return f"{octets_said(len(octets))} of a preamble"
    there = octets_said(len(octets) - len(frame.octets))
    covers = frame.proof.bound if frame.proof else 0
    return f"{there} behind a preamble whose proof covers {covers}"


def conflict(count: int) -> str:
    """Return what it means that so many octets came twice and differ."""
    return f"{octets_said(count)} came twice and differ: somebody may have put them in"


def unbegun(conversation: Conversation) -> str:
    """Return why a conversation is not judged of which the beginning is missing."""
    words = "the capture began after the connection did, or after an hour of silence"
    if (format := signature(conversation.sent.octets)) is not None:
        words += f"; octets like a {format} preamble may be anything there"
    return words


def how_it_ended(conversation: Conversation) -> str:
    """Return who ended it and how, to be put behind what came before."""
    who = {"peer": "the peer", "listener": "the listener"}.get(
        conversation.ended_by or "", "somebody"
    )
    match conversation.ended:
        case Ended.RESET:
            return f", then {who} reset the connection"
        case Ended.CLOSED:
            return f", then {who} closed the connection"
        case _:
            return ""


def octets_said(count: int) -> str:
    """Return the number with its noun."""
    return "1 octet" if count == 1 else f"{count} octets"


def silence(conversation: Conversation) -> str:
    """Return what is known of a peer that sent nothing."""
    if conversation.accepted is None and not conversation.answered.octets:
        if conversation.ended is Ended.RESET and conversation.ended_by == "listener":
            return "refused: nobody listens there"
        return "no answer to its SYN"
    seconds = (seen(conversation) - conversation.opened) / _SECOND
    return f"sent nothing in {seconds:.3g} s{how_it_ended(conversation)}"


def left_off(conversation: Conversation) -> str:
    """Return why no more is known of one that is open."""
    if conversation.until is None:
        return "it was followed no further"
    return "the capture ends"


def seen(conversation: Conversation) -> int:
    """Return until when it is known what came, in ns since 1970."""
    if conversation.ended is not Ended.OPEN or conversation.until is None:
        return conversation.closed
    return max(conversation.closed, conversation.until)
