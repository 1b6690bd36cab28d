"""An HTTPS server on http.server: `client_address` is the client, in its log too.

    python examples/https_http_server.py 0.0.0.0 8443 server.pem 10.0.0.0/8

As a command it serves files, as `python -m http.server` does:

    python -m sslmagic.servers.http_server 8443 --tls-cert server.pem \
        --trust 10.0.0.0/8
"""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler

from sslmagic import Trust
from sslmagic.servers import http_server


class Answer(http_server.ClientRequests, BaseHTTPRequestHandler):
    """Says who asks."""

    timeout = 30  # seconds, for a client that stops in the middle of its handshake

    def do_GET(self) -> None:
        """Answer with the client's address and where it connected."""
        preamble = self.client.preamble
        to = (preamble and preamble.destination) or "us"
        # A gateway's health check comes from ("", 0).
        body = f"{self.client_address} connected to {to}\n".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    http_server.run(Answer, (host, port), trust=trust, ssl=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
