"""Makes a signed MAGIC preamble: profile 1, HMAC-SHA-256-128 (spec.md section 7)."""

from __future__ import annotations

from sslmagic.errors import DecodeError, EncodeError
from sslmagic.hello import ClientHello
from sslmagic.preamble import Command, Preamble
from sslmagic.proof.message import (
    FLAG_HOP,
    Bind,
    Hop,
    check_audience,
    check_key,
    hmac_tag,
    signed_message,
)
from sslmagic.wire import magic

__all__ = ["seal"]

_PROFILE = 1


def seal(
    preamble: Preamble,
    *,
    key: bytes,
    key_id: int,
    audience: str,
    created: int,
    nonce: bytes,
    bind: Bind,
    bound: bytes = b"",
    hop: Hop | None = None,
    limit: int = magic.SENDER_LIMIT,
) -> bytes:
    """Return the octets of *preamble*, signed; the tag stands last.

    Args:
        key: 32 octets, of this audience alone.
        key_id: 1 to 2**32 - 1.
        audience: the receiver's name: 1 to 64 of a-z, 0-9, dot and hyphen.
        created: Unix time in milliseconds, taken after connect() returned.
        nonce: 16 random octets, never used before with this key.
        bind: what the tag covers behind the preamble; NOTHING for LOCAL.
        bound: those octets, exactly as they are sent; empty for NOTHING.
        hop: this TCP connection, or None to leave its addresses out.
        limit: the most octets the preamble may take.

    Raises:
        EncodeError: the values make no signed preamble. Close: never send it bare.
        ConfigurationError: the key, audience or hop cannot be one.
    """
    check_key(key)
    check_audience(audience)
    if not 1 <= key_id < 1 << 32:
        raise EncodeError(f"key id {key_id} is not in 1 to 2**32 - 1")
    if not 0 <= created < 1 << 64:
        raise EncodeError(f"created {created} does not fit in 64 bits")
    if len(nonce) != 16:
        raise EncodeError(f"a nonce of {len(nonce)} octets, 16 are needed")
    _check_bound(preamble, Bind(bind), bound)
    flags = 0 if hop is None else FLAG_HOP
    block = magic.PROOF_BLOCK.pack(bind, flags, len(bound), key_id, created, nonce)
    octets = magic.compose(preamble, profile=_PROFILE, proof=block, limit=limit)
    message = signed_message(octets, audience=audience, hop=hop, bound=bound)
    return octets + hmac_tag(key, message)


def _check_bound(preamble: Preamble, bind: Bind, bound: bytes) -> None:
    if preamble.command is Command.LOCAL and bind is not Bind.NOTHING:
        raise EncodeError("a LOCAL preamble binds nothing")
    if (len(bound) > 0) != (bind is not Bind.NOTHING):
        raise EncodeError(f"{len(bound)} bound octets with bind {bind.name}")
    if len(bound) > magic.MOST_BOUND:
        raise EncodeError(f"{len(bound)} bound octets: {magic.MOST_BOUND} are most")
    if bind is Bind.HELLO:
        try:
            hello = ClientHello.parse(bound)
        except DecodeError as error:
            raise EncodeError(f"bound octets are no ClientHello: {error}") from None
        if hello.length != len(bound):
            raise EncodeError(
                f"{len(bound)} bound octets, the hello's records are {hello.length}"
            )
