"""A certificate authority that lives for one demonstration."""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path
from typing import Self

from sslmagic_cli.exits import CommandError, Exit

__all__ = ["NAME", "Authority"]

NAME = "shop.example"
"""The name that the backend's certificate is for."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """What a server needs to be verified, and a client to verify it."""

    root: Path
    """PEM file of the authority's own certificate, for curl and openssl."""
    server: ssl.SSLContext
    client: ssl.SSLContext
    """It believes in this authority alone."""

    @classmethod
    def create(cls, directory: Path) -> Self:
        """Make the keys and certificates.

        Raises:
            CommandError: trustme is not installed.
        """
        try:
            import trustme
        except ModuleNotFoundError:
            raise CommandError(
                "the demo makes its certificates with trustme:"
                " pip install 'sslmagic[demo]'",
                Exit.UNAVAILABLE,
            ) from None
        authority = trustme.CA()
        root = directory / "root.pem"
        authority.cert_pem.write_to_path(root)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = directory / "chain.pem"
        leaf = authority.issue_cert(NAME)
        leaf.private_key_and_cert_chain_pem.write_to_path(chain)
        server.load_cert_chain(chain)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.load_verify_locations(root)
        return cls(root=root, server=server, client=client)
