"""Connections whose preamble is not where it must be, or has the wrong thing behind."""

from __future__ import annotations

import dataclasses

from sslmagic.dissect.faults.draft import Draft
from sslmagic.errors import EncodeError
from sslmagic.preamble import Preamble
from sslmagic.wire import encode

__all__ = ["late", "missing", "nested", "plaintext", "silent"]


def nested(draft: Draft) -> Draft:
    """Put another preamble behind it."""
    _believed(draft)
    again = Preamble(source=("203.0.113.66", 6666), destination=("198.51.100.2", 443))
    return dataclasses.replace(
        draft,
        behind=encode(again, draft.format),
        verdict="nested",
        offset=len(draft.octets),
        ending="refused",
    )


def plaintext(draft: Draft) -> Draft:
    """Let plaintext follow where TLS must."""
    _believed(draft)
    return dataclasses.replace(
        draft,
        instead=b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        verdict="hello",
        offset=len(draft.octets),
        ending="refused",
    )


def missing(draft: Draft) -> Draft:
    """Begin with TLS at once."""
    return dataclasses.replace(draft, octets=b"", verdict="missing", ending="refused")


def late(draft: Draft) -> Draft:
    """Put the preamble behind the ClientHello."""
    # Whoever knows the client's session puts it behind the ClientHello.
    return dataclasses.replace(draft, verdict="late", ending="refused")


def silent(draft: Draft) -> Draft:
    """Say nothing, and close."""
    return dataclasses.replace(
        draft, octets=b"", silent=True, verdict="silent", ending="left"
    )


def _believed(draft: Draft) -> None:
    if draft.verdict not in ("ok", "local"):
        raise EncodeError("nobody looks behind a preamble that is not believed")
