"""Everything that sslmagic raises on purpose, and the one list of reasons.

    SslMagicError
    ├── ConfigurationError      you asked for a listener or a policy that cannot be
    ├── EncodeError             you asked for octets that spec.md forbids
    ├── DecodeError             the peer sent octets that spec.md forbids
    │   └── IncompleteError     the stream ended inside the preamble
    ├── UntrustedError          the octets are well formed and not believed
    │   └── ProofError          the proof is missing, wrong or not supported
    └── CaptureError            a capture is broken, or of a kind that is not read

Whoever receives needs two clauses, ``except DecodeError`` and ``except
UntrustedError``: close the connection, count `reason`. Any other exception out of a
decoder is a bug in it.
"""

from __future__ import annotations

import enum

__all__ = [
    "CaptureError",
    "ConfigurationError",
    "DecodeError",
    "EncodeError",
    "IncompleteError",
    "ProofError",
    "Reason",
    "SslMagicError",
    "UntrustedError",
]


class Reason(enum.StrEnum):
    """Why something was refused (spec.md section 9).

    One vocabulary for errors, outcomes, counters and test vectors; the values are
    stable and few, so that they may label a metric.
    """

    FORMAT = "format"
    """The first octets are none of the formats that are required here."""
    VERSION = "version"
    """A version of the format that this receiver does not know."""
    COMMAND = "command"
    """A command that is neither LOCAL nor PROXY."""
    FAMILY = "family"
    """An address family or transport that is undefined or has no place here."""
    LENGTH = "length"
    """A length that does not hold what must be in it."""
    OVERSIZE = "oversize"
    """A preamble longer than the receiver's limit."""
    LINE = "line"
    """A PROXY v1 line that breaks the syntax of its fields."""
    ADDRESS = "address"
    """An address or port that cannot be a client's, or is not canonical."""
    TLV = "tlv"
    """A TLV that overruns, repeats, is misplaced or holds a wrong value."""
    CHECKSUM = "checksum"
    """The CRC32C does not match the octets."""
    PROFILE = "profile"
    """A proof block with a profile, bind, flag or length that is not defined."""
    TRUNCATED = "truncated"
    """The stream ended inside the preamble."""

    PEER = "peer"
    """This peer may not connect here."""
    SOURCE = "source"
    """This peer may not claim that source."""
    LOCAL = "local"
    """The preamble names no client and the listener demands one."""
    TRANSPORT = "transport"
    """The preamble is of another transport than this stream."""
    PROOF = "proof"
    """The proof is missing, wrong or not supported by this listener."""

    TIMEOUT = "timeout"
    """The deadline passed before the preamble was whole."""
    WAITING = "waiting"
    """Too many connections were waiting for their preamble."""
    RESET = "reset"
    """The connection failed while its preamble was awaited."""
    NESTED = "nested"
    """What follows the preamble is another preamble."""
    HELLO = "hello"
    """What should be a TLS ClientHello is none."""


class SslMagicError(Exception):
    """The root of all errors that sslmagic raises on purpose."""


class ConfigurationError(SslMagicError, ValueError):
    """Your mistake: a policy or listener that cannot work or would trust anybody."""


class EncodeError(SslMagicError, ValueError):
    """Your mistake: a value that the format cannot carry. Nothing was written."""


class DecodeError(SslMagicError, ValueError):
    """The peer's fault: the octets have no meaning. Close the connection.

    `reason` is the rule that broke; `offset` is the index of the first octet that
    broke it, counted from the start of the stream.
    """

    def __init__(self, message: str, *, reason: Reason, offset: int) -> None:
        super().__init__(message, reason, offset)
        self.message = message
        self.reason = reason
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.message} (at byte {self.offset})"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (type(self), self.message, self.reason, self.offset)


class IncompleteError(DecodeError):
    """The stream ended inside the preamble; `offset` is how long it was."""

    def __init__(
        self, message: str, *, reason: Reason = Reason.TRUNCATED, offset: int
    ) -> None:
        super().__init__(message, reason=reason, offset=offset)


class UntrustedError(SslMagicError):
    """The octets are well formed, and not believed. Close the connection."""

    def __init__(self, message: str, *, reason: Reason) -> None:
        super().__init__(message, reason)
        self.message = message
        self.reason = reason

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[object, ...]:
        return _distrusted, (type(self), self.message, self.reason)


class ProofError(UntrustedError):
    """The proof is missing, wrong, stale or not supported by this listener."""

    def __init__(self, message: str, *, reason: Reason = Reason.PROOF) -> None:
        super().__init__(message, reason=reason)


class CaptureError(SslMagicError, ValueError):
    """A capture cannot be read on; what stands before `offset` has been.

    `capture` is its name, `offset` an index into the file, or into what a gzip file
    unpacks to.
    """

    def __init__(self, message: str, *, capture: str, offset: int) -> None:
        super().__init__(message, capture, offset)
        self.message = message
        self.capture = capture
        self.offset = offset

    def __str__(self) -> str:
        return f"{self.capture}: {self.message} (at byte {self.offset})"

    def __reduce__(self) -> tuple[object, ...]:
        return _misread, (self.message, self.capture, self.offset)


def _rebuilt(
    kind: type[DecodeError], message: str, reason: Reason, offset: int
) -> DecodeError:
    return kind(message, reason=reason, offset=offset)


def _distrusted(
    kind: type[UntrustedError], message: str, reason: Reason
) -> UntrustedError:
    return kind(message, reason=reason)


def _misread(message: str, capture: str, offset: int) -> CaptureError:
    return CaptureError(message, capture=capture, offset=offset)
