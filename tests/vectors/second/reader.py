"""A second reader of the three formats, written from spec.md and nothing else.

It takes a whole stream, is slow and plain, and shares no line with the package: what
both of them say of an input is what the specification says. The vectors are made with
it, and it is a place to start for whoever writes a third.
"""

from __future__ import annotations

from typing import Any

from tests.vectors.second.magic import magic
from tests.vectors.second.proxy1 import proxy1
from tests.vectors.second.proxy2 import proxy2

LIMITS = {"magic": 2048, "proxy1": 107, "proxy2": 4096}


def decode(octets: bytes, form: str, limit: int | None = None) -> dict[str, Any]:
    """Return what `magic decode --json` prints of the stream, or raise `Refused`."""
    reader = {"magic": magic, "proxy1": proxy1, "proxy2": proxy2}[form]
    said = reader(octets, LIMITS[form] if limit is None else limit)
    return {"format": form, **said, "rest_length": len(octets) - said["length"]}
