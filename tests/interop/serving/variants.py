"""Every server under test."""

from __future__ import annotations

from tests.interop.serving import (
    aiohttp,
    aiosmtpd,
    cheroot,
    gunicorn,
    hypercorn,
    standard,
    tornado,
    twisted,
    uvicorn,
    waitress,
    websockets,
)
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]

VARIANTS: tuple[Variant, ...] = (
    *aiohttp.VARIANTS,
    *aiosmtpd.VARIANTS,
    *cheroot.VARIANTS,
    *gunicorn.VARIANTS,
    *hypercorn.VARIANTS,
    *standard.VARIANTS,
    *tornado.VARIANTS,
    *twisted.VARIANTS,
    *uvicorn.VARIANTS,
    *waitress.VARIANTS,
    *websockets.VARIANTS,
)
