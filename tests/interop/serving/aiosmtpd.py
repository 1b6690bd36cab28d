"""aiosmtpd on both loops, with SMTPS; what is said to NOOP is whom it sees."""

from __future__ import annotations

from functools import partial
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["REQUEST", "VARIANTS", "Handler"]

REQUEST = b"NOOP\r\nQUIT\r\n"


class Handler:
    """Says whom it sees."""

    async def handle_NOOP(  # noqa: N802  # aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, argument: str
    ) -> str:
        peer = session.peer
        return f"250 {answer(peer, peer.preamble, peer.peer).decode()}"


def _serve(loop: str, place: Place) -> None:
    import asyncio

    import uvloop

    from sslmagic.servers import aiosmtpd

    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    aiosmtpd.run(
        Handler(),
        place.host,
        place.port,
        unix_socket=place.uds,
        loop_factory=loops[loop],
        ssl_context=place.context(),
        **place.entrance,
    )


VARIANTS = tuple(
    Variant(
        name=f"aiosmtpd-{loop}",
        serve=partial(_serve, loop),
        http=False,
        request=REQUEST,
    )
    for loop in ("asyncio", "uvloop")
)
