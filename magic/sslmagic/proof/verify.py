"""Checks the proof of a framed MAGIC preamble: profile 1 (spec.md section 7.4).

A pure function: the key is given, the time is given, and whether this nonce was seen
before is the caller's question, to be asked only after this has returned.
"""

from __future__ import annotations

import hmac

from sslmagic.errors import DecodeError, ProofError
from sslmagic.hello import hello_length
from sslmagic.proof.message import (
    FLAG_HOP,
    Bind,
    Hop,
    check_audience,
    check_key,
    hmac_tag,
    signed_message,
)
from sslmagic.wire import Frame
from sslmagic.wire.magic import TAG_LENGTH

__all__ = ["FUTURE", "PAST", "verify"]

PAST = 15_000
"""Milliseconds that a preamble may be old: connect, a queue and one retransmission."""
FUTURE = 5_000
"""Milliseconds that the sender's clock may be ahead."""

_PROFILE = 1


def verify(
    frame: Frame,
    bound: bytes,
    *,
    key: bytes,
    key_id: int,
    audience: str,
    now: int,
    bind: Bind,
    hop: Hop | None = None,
) -> None:
    """Return if *frame* was sealed with *key*, for this audience, hop and stream.

    Args:
        frame: the preamble, framed and not parsed.
        bound: at least the octets behind it that it says its tag covers.
        key: 32 octets.
        key_id: the id that *key* has.
        audience: the receiver's own name, never from the wire.
        now: Unix time in milliseconds.
        bind: what this listener demands to be covered.
        hop: this TCP connection as the receiver sees it; None if the listener does
            not demand that it is covered.

    Raises:
        ProofError: it was not, or is too old. Close without an octet.
        ConfigurationError: the key, audience or hop cannot be one.
    """
    check_key(key)
    check_audience(audience)
    proof = frame.proof
    if proof is None:
        raise ProofError("the preamble is not signed")
    if proof.profile != _PROFILE:
        raise ProofError(f"profile {proof.profile}, where the key's is {_PROFILE}")
    if proof.key_id != key_id:
        raise ProofError(f"key id {proof.key_id} is unknown")
    local = frame.octets[9] & 0x0F == 0
    if proof.bind != (Bind.NOTHING if local else bind):
        raise ProofError(f"bind {proof.bind}, where {int(bind)} is demanded")
    if bool(proof.flags & FLAG_HOP) != (hop is not None):
        raise ProofError(f"flags {proof.flags:02X} do not cover what is demanded")
    if not now - PAST <= proof.created <= now + FUTURE:
        raise ProofError(f"created {proof.created - now:+d} ms from now")
    if len(bound) < proof.bound:
        raise ProofError(f"{len(bound)} octets follow, the tag covers {proof.bound}")
    bound = bound[: proof.bound]
    octets = frame.octets[: -TAG_LENGTH[_PROFILE]]
    message = signed_message(octets, audience=audience, hop=hop, bound=bound)
    if not hmac.compare_digest(hmac_tag(key, message), proof.tag):
        raise ProofError("the tag does not match")
    if proof.bind == Bind.HELLO:
        _check_hello(bound)


def _check_hello(bound: bytes) -> None:
    try:
        length = hello_length(bound)
    except DecodeError as error:
        raise ProofError(f"the bound octets are no ClientHello: {error}") from None
    if length != len(bound):
        raise ProofError("the bound octets are not the records of one ClientHello")
