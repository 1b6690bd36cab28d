"""What came back on one connection, and after how many seconds."""

from __future__ import annotations

import dataclasses
import enum
import re

__all__ = ["ALERTS", "MOST", "Answer", "Came", "alert_in", "came_of", "status_in"]

MOST = 65536
"""Octets of an answer that are looked at: a page that shows an address is short."""

_AT_ONCE = 0.25
"""Seconds in which a listener that reads nothing has closed, far away too."""

ALERTS = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    42: "bad_certificate",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    109: "missing_extension",
    110: "unsupported_extension",
    112: "unrecognized_name",
    116: "certificate_required",
    120: "no_application_protocol",
}
"""RFC 8446 section 6, and what TLS 1.2 had besides."""

_OF_A_HELLO = {40, 71, 86, 109, 110, 112, 116, 120}
"""Alerts that only who has understood a ClientHello gives."""


class Came(enum.StrEnum):
    """What a listener answered."""

    TLS = "tls"
    """A ServerHello: what was sent before the ClientHello was taken, or nothing was."""
    ALERT = "alert"
    HTTP = "http"
    OCTETS = "octets"
    """Something else."""
    CLOSED = "closed"
    """Nothing but the end of the connection."""
    RESET = "reset"
    """Nothing but a reset."""
    SILENCE = "silence"
    """Nothing, as long as was listened."""
    UNREACHABLE = "unreachable"
    """No connection came about."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    came: Came
    seconds: float
    """From the last octet sent until the first that came, or the end; else all of the
    time that was listened."""
    lasted: float = 0.0
    """Seconds from when the connection was there until it ended, or was left."""
    ended: bool = False
    """Whether the listener ended it."""
    sends_on: bool = False
    """Whether it sent so much that it was left before its end."""
    octets: bytes = b""
    """What came in clear, at most `MOST`."""
    text: bytes = b""
    """What the application said, within TLS or in clear, at most `MOST`."""
    version: str | None = None
    """The TLS version, once the handshake was complete."""
    local: str = ""
    """The address that the question came from."""
    error: str | None = None
    """Why there was no connection, no complete handshake, or no answer within TLS."""

    @property
    def alert(self) -> str | None:
        """The name of the alert, if one was all that came."""
        number = alert_in(self.octets)
        return None if number is None else ALERTS.get(number, str(number))

    @property
    def status(self) -> int | None:
        """The status of the HTTP response, within TLS or in clear."""
        return status_in(self.text)

    @property
    def speaks_tls(self) -> bool:
        """Whether a ClientHello was understood; the handshake need not be complete."""
        return self.came is Came.TLS or alert_in(self.octets) in _OF_A_HELLO

    @property
    def wants_certificate(self) -> bool:
        """Whether it serves nobody without a client's certificate (RFC 8446, 116)."""
        return "CERTIFICATE_REQUIRED" in (self.error or "")

    @property
    def is_end(self) -> bool:
        """Whether the end of the connection was all the answer."""
        return self.came in (Came.CLOSED, Came.RESET)

    @property
    def is_end_at_once(self) -> bool:
        """Whether the connection ended before anybody could have said a word."""
        return self.is_end and self.lasted < _AT_ONCE

    @property
    def said(self) -> str:
        """What came, in a few words; within TLS, what came last."""
        match self.came:
            case Came.TLS:
                return self._said_within(self.version or "a ServerHello")
            case Came.ALERT:
                return f"alert {self.alert}"
            case Came.HTTP:
                return f"HTTP {self.status}"
            case Came.OCTETS:
                return f"{len(self.octets)} octets"
            case Came.UNREACHABLE:
                return self.error or "no connection"
            case _:
                return _ENDS[self.came]

    def _said_within(self, shaken: str) -> str:
        if self.status is not None:
            return f"HTTP {self.status} within {shaken}"
        if self.text:
            return f"{len(self.text)} octets within {shaken}"
        return f"{shaken}, then the end" if self.ended else f"{shaken}, then nothing"


_ENDS = {Came.CLOSED: "closes", Came.RESET: "resets", Came.SILENCE: "says nothing"}


def came_of(octets: bytes) -> Came | None:
    """Return what these first octets of an answer are; None if there are none."""
    if not octets:
        return None
    # RFC 8446 section 5.1: a handshake record, and in it a ServerHello.
    if octets[:2] == b"\x16\x03" and octets[5:6] in (b"", b"\x02"):
        return Came.TLS
    if alert_in(octets) is not None:
        return Came.ALERT
    return Came.HTTP if status_in(octets) is not None else Came.OCTETS


def alert_in(octets: bytes) -> int | None:
    """Return the description of the alert in clear that *octets* start with."""
    if octets[:2] == b"\x15\x03" and octets[3:5] == b"\x00\x02" and len(octets) >= 7:
        return octets[6]
    return None


def status_in(text: bytes) -> int | None:
    """Return the status of the HTTP/1 response that *text* starts with."""
    match = re.match(rb"HTTP/1\.[01] ([1-5]\d\d)\b", text)
    return int(match.group(1)) if match else None
