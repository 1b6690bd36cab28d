"""What a stream speaks, told by its first octets."""

from __future__ import annotations

import re
from typing import Final

from sslmagic.hello import starts_client_hello
from sslmagic.wire import signature

__all__ = ["ALERTS", "answered", "spoken"]

_REQUEST: Final = re.compile(
    rb"(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) [^ ]|PRI \* HTTP/2"
)
_STATUS: Final = re.compile(rb"HTTP/\d\.\d (\d{3})")

ALERTS: Final = {
    0: "close_notify",
    10: "unexpected_message",
    20: "bad_record_mac",
    21: "decryption_failed",
    22: "record_overflow",
    30: "decompression_failure",
    40: "handshake_failure",
    41: "no_certificate",
    42: "bad_certificate",
    43: "unsupported_certificate",
    44: "certificate_revoked",
    45: "certificate_expired",
    46: "certificate_unknown",
    47: "illegal_parameter",
    48: "unknown_ca",
    49: "access_denied",
    50: "decode_error",
    51: "decrypt_error",
    60: "export_restriction",
    70: "protocol_version",
    71: "insufficient_security",
    80: "internal_error",
    86: "inappropriate_fallback",
    90: "user_canceled",
    100: "no_renegotiation",
    109: "missing_extension",
    110: "unsupported_extension",
    111: "certificate_unobtainable",
    112: "unrecognized_name",
    113: "bad_certificate_status_response",
    114: "bad_certificate_hash_value",
    115: "unknown_psk_identity",
    116: "certificate_required",
    120: "no_application_protocol",
    121: "ech_required",
}
"""The alerts of TLS, those that only older versions have included (RFC 8446 section 6,
IANA's registry)."""


def spoken(octets: bytes) -> str:
    """Return what a client's stream starts with.

    ``tls``, ``http``, ``ssh``, the format of a preamble, ``nothing``, or ``other``.
    """
    if not octets:
        return "nothing"
    if (format := signature(octets)) is not None:
        return format
    if starts_client_hello(octets) is not False:
        return "tls"
    if _REQUEST.match(octets):
        return "http"
    return "ssh" if octets.startswith(b"SSH-") else "other"


def answered(octets: bytes) -> str | None:
    """Return what a listener's stream starts with, None if it is empty.

    ``tls`` for a ServerHello, ``alert: `` and its name, ``http: `` and the status, or
    ``other``. Sixteen octets are enough.
    """
    if not octets:
        return None
    if octets[:1] == b"\x16" and octets[1:2] in (b"\x03", b""):
        return "tls"
    if octets[:2] == b"\x15\x03":
        if octets[3:5] != b"\0\2" or len(octets) < 7:
            return "alert"
        return f"alert: {ALERTS.get(octets[6], octets[6])}"
    if found := _STATUS.match(octets):
        return f"http: {found[1].decode()}"
    return "ssh" if octets.startswith(b"SSH-") else "other"
