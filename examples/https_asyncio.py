"""An HTTPS server on asyncio, or on uvloop where that is installed.

    python examples/https_asyncio.py 0.0.0.0 8443 server.pem 10.0.0.0/8

It answers every request with the address that the gateway named, over TLS of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys

from sslmagic import Trust, streams


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request with the client's address and where it connected."""
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(30):
            await reader.readuntil(b"\r\n\r\n")
            client = writer.get_extra_info("peername")
            to = (client.preamble and client.preamble.destination) or "us"
            body = f"{client or 'nobody'} connected to {to}\n".encode()
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
            await writer.drain()
    writer.close()


async def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    server = await streams.start_server(answer, host, port, trust=trust, ssl=context)
    print(f"listening on {server.sockets[0].getsockname()}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    new_loop = asyncio.new_event_loop
    with contextlib.suppress(ImportError):
        from uvloop import new_event_loop as new_loop
    with (
        asyncio.Runner(loop_factory=new_loop) as runner,
        contextlib.suppress(KeyboardInterrupt),
    ):
        runner.run(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
