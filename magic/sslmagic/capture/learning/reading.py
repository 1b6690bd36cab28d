"""Whether a variant reads what somebody sent: all of it, or its front."""

from __future__ import annotations

from sslmagic.wire.variant import Variant

__all__ = ["begins", "reads"]


def reads(variant: Variant, octets: bytes) -> bool:
    """Return whether *octets* are one preamble, and nothing more."""
    walk, fault = variant.walked(octets)
    return fault is None and not walk.wanted and walk.spans[-1].end == len(octets)


def begins(variant: Variant, octets: bytes) -> bool:
    """Return whether a whole preamble stands in front, whatever follows it."""
    walk, fault = variant.walked(octets)
    return fault is None and not walk.wanted
