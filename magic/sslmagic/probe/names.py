"""What people call the formats, and how several of them stand in a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sslmagic.probe.report import FormatReport

__all__ = ["NAMES", "joined", "listed"]

NAMES = {"magic": "MAGIC", "proxy1": "PROXY v1", "proxy2": "PROXY v2"}
"""The formats, as people call them."""


def listed(formats: Iterable[FormatReport], word: str) -> str:
    """Return the names of these formats, *word* before the last."""
    return joined([NAMES[one.format] for one in formats], word)


def joined(names: Sequence[str], word: str = "and") -> str:
    """Return the names as a sentence has them, *word* before the last."""
    if len(names) < 3:
        return f" {word} ".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"
