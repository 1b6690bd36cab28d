"""What clients say that come without a preamble: TLS or HTTP, by its first octets.

Only for the words of a refusal. Whether there is a preamble is never chosen by it.
"""

from __future__ import annotations

import re

__all__ = ["TO_TELL", "foreign"]

TO_TELL = 8
"""Octets that tell any of them: `OPTIONS` and `CONNECT` are the longest words."""

_TLS = b"\x16\x03"
"""A record with a handshake message, of any version since SSL 3 (RFC 8446 section
5.1)."""
_REQUEST = re.compile(rb"(?:CONNECT|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PRI|PUT|TRACE) ")
"""The methods of RFC 9110 section 9.3 and RFC 5789, and how HTTP/2 begins (RFC 9113
section 3.4)."""


def foreign(octets: bytes) -> str | None:
    """Return the protocol that *octets* begin, or None if it is not recognised.

    TLS takes 2 octets to tell, HTTP 4 to 8.
    """
    if octets.startswith(_TLS):
        return "TLS"
    return "HTTP" if _REQUEST.match(octets) else None
