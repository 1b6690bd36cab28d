"""Refuses in a request's head what a parser forgives, and others read otherwise.

h11 takes a lone LF for a line's end, unfolds lines, merges Content-Length fields that
agree and lets Transfer-Encoding win over them: all of it allowed, and each the way in
for a request that one server reads as one and another as two (RFC 9112 section 11.2).
So the octets are looked at before h11 sees them.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from sslmagic.headers import folded
from sslmagic.relay.http.refusal import RequestError

__all__ = ["LONGEST_HEAD", "check_head", "head_length"]

LONGEST_HEAD = 16384
"""Octets of a request's line and header fields: what HAProxy and h11 take."""

_LONGEST_LENGTH = 19
"""Digits of a Content-Length: what a signed number of 64 bits holds."""

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]")
_STRAY = re.compile(rb"\r(?!\n|\Z)|(?<!\r)\n|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""Half a line's end, or a control character; at the very end a CR may go on."""
_LENGTH = re.compile(rb"[0-9]{1,%d}" % _LONGEST_LENGTH)


def head_length(octets: bytes | bytearray, searched: int, longest: int) -> int | None:
    """Return how many octets the head takes, its empty line included.

    Args:
        octets: from the first of the head.
        searched: how many of them have been looked at before.
        longest: how many the head may take.

    Returns:
        None while its end is not there.

    Raises:
        RequestError: it never will be, or comes too late.
    """
    if not octets:
        return None
    if not _TOKEN.match(octets):
        raise RequestError(HTTPStatus.BAD_REQUEST, "this is no HTTP request")
    end = octets.find(b"\r\n\r\n", max(0, searched - 3), longest)
    if end >= 0:
        return end + 4
    if len(octets) >= longest:
        raise RequestError(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
            f"the request head is longer than {longest} octets",
        )
    # A head whose lines end in LF alone would be waited for in vain.
    if _STRAY.search(octets, max(0, searched - 1)):
        raise _stray()
    return None


def check_head(head: bytes) -> None:
    """Refuse a whole head that leaves any doubt of where the request ends.

    Raises:
        RequestError: 400.
    """
    if _STRAY.search(head):
        raise _stray()
    lengths: list[bytes] = []
    codings: list[bytes] = []
    for line in head[:-4].split(b"\r\n")[1:]:
        if line.startswith((b" ", b"\t")):
            raise _bad("a header field is folded over two lines")
        name, _, value = line.partition(b":")
        plain = folded(name)
        if plain in _FRAMING and name.lower() != plain:
            raise _bad("a header field resembles one that frames the request")
        if plain == b"content-length":
            lengths.append(value.strip(b" \t"))
        elif plain == b"transfer-encoding":
            codings.append(value.strip(b" \t"))
    if lengths and codings:
        raise _bad("the request has Content-Length and Transfer-Encoding")
    if len(lengths) > 1:
        raise _bad("the request has several Content-Length fields")
    if lengths and not _LENGTH.fullmatch(lengths[0]):
        raise _bad("Content-Length is not one number")
    if codings and [coding.lower() for coding in codings] != [b"chunked"]:
        raise _bad("Transfer-Encoding is not chunked alone")


_FRAMING: Final = (b"content-length", b"transfer-encoding")


def _stray() -> RequestError:
    return _bad("the request head has a control character or half a line end")


def _bad(words: str) -> RequestError:
    return RequestError(HTTPStatus.BAD_REQUEST, words)
