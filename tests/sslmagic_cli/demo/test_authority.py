"""A server of the authority is verified, and one of another is not."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from sslmagic_cli.demo.authority import NAME, Authority


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Completes a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)


def test_client_verifies_the_server(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    shake(authority.server, authority.client, NAME)


def test_client_refuses_another_name(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(authority.server, authority.client, "other.example")


def test_client_refuses_another_authority(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = (Authority.create(tmp_path / name) for name in ("one", "two"))
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(one.server, two.client, NAME)


def test_root_is_a_file_for_other_programs(tmp_path: Path) -> None:
    authority = Authority.create(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(authority.root)
    shake(authority.server, context, NAME)
