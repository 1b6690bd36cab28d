# pyright: standard
# aiosmtpd's types are not marked as such.
"""A mail server over TLS on aiosmtpd: a session's peer is the client.

    python examples/smtps_aiosmtpd.py 0.0.0.0 8465 server.pem 10.0.0.0/8

For STARTTLS it is `tls_context=` instead of `ssl_context=`; where a program has a
controller, `aiosmtpd.Controller` stands for the library's.
"""

from __future__ import annotations

import ssl
import sys
from typing import Any

from sslmagic import Trust
from sslmagic.servers import aiosmtpd


class Receipts:
    """Takes every mail, keeps none, and says who brought it."""

    async def handle_DATA(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, session: Any, _envelope: Any
    ) -> str:
        """Answer with the client's address and where it connected."""
        client = session.peer
        to = (client.preamble and client.preamble.destination) or "us"
        # A gateway's health check may come from nobody.
        return f"250 {client or 'nobody'} connected to {to}"


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    aiosmtpd.run(Receipts(), host, port, trust=trust, ssl_context=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
