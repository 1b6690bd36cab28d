"""Header fields that are meant for the next hop alone (RFC 9110 section 7.6.1)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sslmagic.headers import Header

__all__ = ["HOP_BY_HOP", "options"]

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""In lower case. Each hop that needs one says its own."""


def options(headers: Iterable[Header]) -> frozenset[bytes]:
    """Return what `Connection` names, in lower case: options and fields of the hop."""
    return frozenset(
        option
        for name, value in headers
        if name.lower() == b"connection"
        for part in value.lower().split(b",")
        if (option := part.strip(b" \t"))
    )
