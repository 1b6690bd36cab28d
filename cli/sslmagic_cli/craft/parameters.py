"""The options of `magic craft` that no other command has, as they are typed."""

from __future__ import annotations

from typing import Any

import click

__all__ = ["OCTETS", "protocols", "segment_sizes", "server_name"]

OCTETS = "octets"
"""Instead of sizes: every octet is in a segment of its own."""

_WIDEST = 65_000
"""Octets of the largest segment: IP's length has 16 bits, and headers are in it."""
_PROTOCOLS = 8_192
"""Octets of what ALPN offers: enough, and a ClientHello that every server takes."""


def segment_sizes(context: click.Context, parameter: click.Parameter, text: str) -> Any:
    """Return the octets of the first segments, or `OCTETS`: one each, of all."""
    del context, parameter
    if not text:
        return ()
    if text == OCTETS:
        return text
    try:
        sizes = tuple(int(one) for one in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not 1,5,7 or octets") from None
    if min(sizes) < 1:
        raise click.BadParameter("a segment has at least 1 octet")
    if max(sizes) > _WIDEST:
        raise click.BadParameter(f"a segment has at most {_WIDEST} octets")
    return sizes


def server_name(
    context: click.Context, parameter: click.Parameter, text: str
) -> str | None:
    """Return the name as TLS sends it; None for none."""
    del context, parameter
    from sslmagic.dissect.session import sent_name

    try:
        return sent_name(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def protocols(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the protocols that ALPN offers, if a ClientHello has room for them."""
    del context, parameter
    from sslmagic.dissect.session import offered

    if sum(len(text) + 1 for text in texts) > _PROTOCOLS:
        raise click.BadParameter(f"all of them have more than {_PROTOCOLS} octets")
    try:
        return tuple(map(offered, texts))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
