"""A WebSocket server with a thread for each connection: `remote_address` is the client.

    python examples/wss_websockets_sync.py 0.0.0.0 8443 server.pem 10.0.0.0/8

`serve` and `unix_serve` stand for the library's where a program calls these.
"""

from __future__ import annotations

import ssl
import sys

from websockets.sync.server import ServerConnection

from sslmagic import Trust
from sslmagic.servers import websockets_sync


def answer(connection: ServerConnection) -> None:
    """Say the client's address and where it connected."""
    client = connection.remote_address
    to = (client.preamble and client.preamble.destination) or "us"
    # A gateway's health check may come from nobody.
    connection.send(f"{client or 'nobody'} connected to {to}")


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    websockets_sync.run(answer, host, port, trust=trust, ssl=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
