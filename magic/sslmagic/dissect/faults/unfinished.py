"""Preambles that stop before their end, and what becomes of the connection then."""

from __future__ import annotations

import dataclasses
from typing import Final

from sslmagic.dissect.faults.draft import Draft

__all__ = ["reset", "timeout", "truncated", "waiting"]


_LACKING: Final = 5
"""Octets at the end of the preamble that are not sent."""


def truncated(draft: Draft) -> Draft:
    """Stop inside the preamble, and close."""
    octets = draft.octets[:-_LACKING]
    return dataclasses.replace(
        draft,
        octets=octets,
        silent=True,
        ending="left",
        verdict="truncated",
        offset=len(octets),
    )


def reset(draft: Draft) -> Draft:
    """Stop inside the preamble, and reset."""
    cut = dataclasses.replace(truncated(draft), ending="broken", verdict="reset")
    return dataclasses.replace(cut, offset=None)


def timeout(draft: Draft) -> Draft:
    """Stop inside the preamble until the deadline has passed."""
    cut = dataclasses.replace(truncated(draft), ending="expired", verdict="timeout")
    return dataclasses.replace(cut, offset=None)


def waiting(draft: Draft) -> Draft:
    """Stop inside the preamble, where the capture ends too."""
    cut = dataclasses.replace(truncated(draft), ending="open", verdict="waiting")
    return dataclasses.replace(cut, offset=None)
