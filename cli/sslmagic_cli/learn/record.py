"""What was learnt as JSON."""

from __future__ import annotations

from typing import Any

from sslmagic.capture.learning.evidence import is_known
from sslmagic.capture.learning.gathering import Gathered
from sslmagic.capture.learning.lesson import Lesson
from sslmagic.capture.learning.spoken import spoken

__all__ = ["recorded"]


def recorded(lesson: Lesson, gathered: Gathered) -> dict[str, Any]:
    """Return what `--json` says, for `json.dumps`."""
    return {
        "format": str(lesson.layout),
        "sure": round(lesson.sure, 6),
        "unknown": lesson.unknown,
        "variants": [
            {
                "family": variant.family,
                "samples": variant.samples,
                "parts": [
                    {
                        "name": one.part.name,
                        "spelling": spoken(one.part),
                        "example": one.example.hex(),
                        "sure": round(one.sure, 6) if is_known(one.part) else None,
                        "distinct": one.distinct,
                        "why": one.why,
                    }
                    for one in variant.parts
                ],
            }
            for variant in lesson.variants
        ],
        "agreeing": len(lesson.agreeing),
        "contradicting": [one.number for one in lesson.contradicting],
        "unread": [one.number for one in lesson.unread],
        "nobodys": gathered.nobodys,
        "silent": gathered.silent,
        "strange": gathered.strange,
        "needs": [*lesson.needs, *gathered.needs],
    }
