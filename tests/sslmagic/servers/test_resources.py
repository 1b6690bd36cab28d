"""Addresses and TLS files that cannot be had, and how it is said."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from sslmagic.errors import ConfigurationError
from sslmagic.servers.resources import (
    AddressError,
    check_chain,
    listening_on,
    load_chain,
)
from tests.interop.authority import Authority
from tests.interop.peers import READY
from tests.sources import PROJECT
from tests.sslmagic.receiving import listening


def test_an_address_that_its_error_leaves_out_is_named() -> None:
    with listening() as other, socket.socket() as sock:
        with pytest.raises(AddressError) as refused, listening_on("the place"):
            sock.bind(other.getsockname())
    assert (
        refused.value.strerror == "cannot listen on the place: Address already in use"
    )


def test_a_file_that_its_error_names_is_said() -> None:
    with pytest.raises(AddressError) as refused, listening_on():
        Path("/nowhere/x").touch()
    assert refused.value.strerror == "/nowhere/x: No such file or directory"


def test_what_names_its_address_is_left_alone() -> None:
    named = AddressError(98, "cannot listen on here")
    with pytest.raises(AddressError) as refused, listening_on("there"):
        raise named
    assert refused.value is named


@pytest.mark.parametrize("loaded", [load_chain, check_chain], ids=["load", "check"])
@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("/nowhere/c.pem", "/nowhere/k.pem"), "/nowhere/c.pem, /nowhere/k.pem: .*No"),
        ((__file__, None), f"{__file__}: .*PEM"),
    ],
)
def test_files_that_are_no_chain_are_named(
    loaded: object, files: tuple[str, str | None], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"TLS with {said}"):
        if loaded is load_chain:
            load_chain(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *files)
        else:
            check_chain(*files)


def test_a_key_alone_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"TLS with k\.pem: a key goes with"):
        check_chain(None, "k.pem")


def test_a_key_with_a_password_is_tried_with_it_and_nobody_is_asked(
    authority: Authority, tmp_path: Path
) -> None:
    plain = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    key = tmp_path / "key.pem"
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"word"),
        )
    )
    check_chain(authority.certificate, key, "word")
    check_chain(authority.certificate, key)
    with pytest.raises(ConfigurationError, match=r"key\.pem: "):
        check_chain(authority.certificate, key, "wrong")


def test_want_of_descriptors_leaves_nothing(tmp_path: Path) -> None:
    """Whichever of all that a server gets hold of is one too many."""
    argv = [sys.executable, "-m", "tests.sslmagic.servers.scarcity", str(tmp_path)]
    ran = subprocess.run(
        argv, cwd=PROJECT, check=True, capture_output=True, timeout=READY, text=True
    )
    assert ran.stdout == ""
