"""A certificate authority of the test session, and contexts that verify by it."""

from __future__ import annotations

import dataclasses
import ssl
from pathlib import Path
from typing import Self

import trustme

__all__ = ["CUSTOMER", "HELLOS", "NAME", "Authority"]

NAME = "shop.example"
CUSTOMER = "alice"

HELLOS = {"ordinary": 0, "post-quantum": 1_900, "huge": 12_000}
"""How many octets of application protocols make a ClientHello of that kind.

The second is the size that hybrid key shares bring, more than one Ethernet segment.
"""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """The files of one authority and of the one server certificate it gave out."""

    root: Path
    certificate: Path
    """The server's chain."""
    key: Path
    bundle: Path
    """Key and chain in one file, as HAProxy, hitch and stunnel take them."""
    customer: Path
    """Key and chain of the one client certificate, for who is asked for it."""

    @classmethod
    def create(
        cls, directory: Path, *, keys: trustme.KeyType = trustme.KeyType.RSA
    ) -> Self:
        # RSA, because hitch's default ciphers in Debian serve nothing else in TLS 1.2.
        # ECDSA, for who counts handshakes, spares the server most of their time.
        directory.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA(key_type=keys)
        leaf = authority.issue_cert(NAME, "127.0.0.1", "::1", key_type=keys)
        made = cls(
            root=directory / "root.pem",
            certificate=directory / "certificate.pem",
            key=directory / "key.pem",
            bundle=directory / "bundle.pem",
            customer=directory / "customer.pem",
        )
        authority.cert_pem.write_to_path(made.root)
        for blob in leaf.cert_chain_pems:
            blob.write_to_path(made.certificate, append=True)
        leaf.private_key_pem.write_to_path(made.key)
        leaf.private_key_and_cert_chain_pem.write_to_path(made.bundle)
        made.bundle.chmod(0o600)
        customer = authority.issue_cert("alice@shop.example", common_name=CUSTOMER)
        customer.private_key_and_cert_chain_pem.write_to_path(made.customer)
        return made

    def server(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context

    def client(
        self, *, hello: str = "ordinary", version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """A context that believes in this authority alone."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.root)
        context.load_cert_chain(self.customer)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        # Servers that choose by ALPN must find what they speak.
        longest = 200
        filling = [f"{i:0{longest}}" for i in range(HELLOS[hello] // longest)]
        context.set_alpn_protocols(["http/1.1", *filling])
        return context
