"""The server under measurement: `server.py LOOP HOW DIRECTORY`, one request each.

LOOP is asyncio or uvloop. HOW is plain for what the loop has itself, or magic for
`sslmagic.streams`; with +tls behind it the certificate in DIRECTORY is used.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import cast

from sslmagic import Trust, streams

_BACKLOG = 4096
_BODY = b"seen\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (
    len(_BODY),
    _BODY,
)


class Answer(asyncio.Protocol):
    """Asks for the peer's name, as a server does for its log, and answers."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)
        self.peer = transport.get_extra_info("peername")
        self.received = b""

    def data_received(self, data: bytes) -> None:
        """Answer a whole request head."""
        self.received += data
        if self.received.endswith(b"\r\n\r\n"):
            self.transport.write(_ANSWER)
            self.transport.close()


async def _serve(how: str, directory: Path) -> None:
    kind, _, tls = how.partition("+")
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "certificate.pem", directory / "key.pem")
    if kind == "magic":
        server: asyncio.AbstractServer = await streams.create_server(
            Answer,
            "127.0.0.1",
            0,
            trust=Trust(peers=["127.0.0.1"]),
            ssl=context,
            backlog=_BACKLOG,
            deadline=3600,
        )
    else:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            Answer, "127.0.0.1", 0, ssl=context, backlog=_BACKLOG
        )
    host, port = server.sockets[0].getsockname()  # type: ignore[attr-defined]
    print(f"ready {host}:{port}", file=sys.stderr, flush=True)
    await server.serve_forever()


def main(loop: str, how: str, directory: str) -> None:
    """Serve until ended."""
    new_loop = asyncio.new_event_loop
    if loop == "uvloop":
        from uvloop import new_event_loop as new_loop
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_serve(how, Path(directory)))


if __name__ == "__main__":
    main(*sys.argv[1:])
