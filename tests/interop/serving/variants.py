"""Every server under test."""

from __future__ import annotations

from tests.interop.serving import cheroot, hypercorn, standard, uvicorn, waitress
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]

VARIANTS: tuple[Variant, ...] = (
    *cheroot.VARIANTS,
    *hypercorn.VARIANTS,
    *standard.VARIANTS,
    *uvicorn.VARIANTS,
    *waitress.VARIANTS,
)
