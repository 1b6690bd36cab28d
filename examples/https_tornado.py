"""An HTTPS server on Tornado: `request.remote_ip` is the client, in its log too.

    python examples/https_tornado.py 0.0.0.0 8443 server.pem 10.0.0.0/8

Where a program has a loop of its own, `tornado.listen` stands for `Application.listen`.
"""

from __future__ import annotations

import ssl
import sys

from tornado.web import Application, RequestHandler

from sslmagic import Trust
from sslmagic.servers import tornado


class Index(RequestHandler):
    """Says who asks."""

    def get(self) -> None:
        """Answer with the client's address and where it connected."""
        preamble = tornado.client(self.request).preamble
        to = (preamble and preamble.destination) or "us"
        # A gateway's health check may come from nobody.
        self.write(f"{self.request.remote_ip or 'nobody'} connected to {to}\n")


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    app = Application([("/", Index)])
    tornado.run(app, port, host, trust=trust, ssl_options=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
