"""What holds for every server behind preambles, asked of its process."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslmagic import Preamble, UnixEndpoint, encode
from sslmagic.preamble import Command
from tests.interop import client
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Server, Variant, serving
from tests.sslmagic.receiving import CLIENT, OCTETS, PATIENCE, ended

__all__ = ["FORGED", "RULES", "STRANGER", "Rule", "asked", "by_name"]

STRANGER = "6.6.6.6"
FORGED = (
    f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n"
    f"X-Cluster-Client-Ip: {STRANGER}\r\nX-Forwarded-For: {STRANGER}\r\n"
    f"X-Forwarded-Proto: ftp\r\nX_Forwarded_For: {STRANGER}\r\n"
    f"Forwarded: for={STRANGER}\r\n\r\n"
).encode()

Rule = Callable[[Variant, Path, Authority], None]


def asked(
    server: Server | Address | Path,
    before: bytes = OCTETS,
    *,
    request: bytes | None = None,
    authority: Authority | None = None,
) -> dict[str, Any]:
    """Whom a server sees, on a connection that begins with these octets.

    Over TLS if there is an authority. On a UNIX socket always in clear.
    """
    address = server.address if isinstance(server, Server) else server
    request = request or client.REQUEST
    if isinstance(address, Path):
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(PATIENCE)
            stream.connect(str(address))
            stream.sendall(before + request)
            said = b"".join(iter(lambda: stream.recv(65536), b""))
        return client._body(said)
    context = None if authority is None else authority.client()
    return client.ask(address, context, before=before, request=request).body


def by_name(rule: Rule) -> str:
    return rule.__name__


def the_client_is_the_preambles(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    tls = authority if variant.tls else None
    with serving(variant, Place(), directory=directory, authority=tls) as server:
        said = asked(server, request=variant.request, authority=tls)
    assert said["client"] == list(CLIENT)
    assert said["preamble"] is True
    assert said["peer"].startswith("127.0.0.1:")


def a_client_may_be_of_the_other_family(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    named = Preamble(source=("2001:db8::9", 51234), destination=("2001:db8::2", 443))
    tls = authority if variant.tls else None
    with serving(variant, Place(), directory=directory, authority=tls) as server:
        before = encode(named, "magic")
        said = asked(server, before, request=variant.request, authority=tls)
    assert said["client"] == ["2001:db8::9", 51234]


def nobody_names_another_client(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    if not variant.http:
        return
    with serving(variant, Place(), directory=directory) as server:
        said = asked(server, request=FORGED)
    assert said["client"] == list(CLIENT)
    assert said["claims"] == []


def a_preamble_without_client_gives_no_address(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    local = encode(Preamble(command=Command.LOCAL), "magic")
    with serving(variant, Place(), directory=directory) as server:
        said = asked(server, local, request=variant.request)
    assert said["client"] in ("", None, ["", 0], ["", None])
    assert said["preamble"] is True


def a_unix_socket_serves_clients_with_an_address(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    place = Place(uds=str(directory / "server.sock"))
    with serving(variant, place, directory=directory) as server:
        said = asked(server, request=variant.request)
    assert said["client"] == list(CLIENT)
    assert said["peer"] == str(UnixEndpoint(""))


def a_second_address_wants_no_preamble(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    tls = authority if variant.tls else None
    second = Port()
    place = Place(direct_listen=(str(second),))
    try:
        with serving(variant, place, directory=directory, authority=tls) as server:
            said = asked(second.address, b"", request=variant.request, authority=tls)
            first = asked(server, request=variant.request, authority=tls)
    finally:
        second.close()
    assert said["client"][0] == "127.0.0.1"
    assert said["preamble"] is False
    assert first["client"] == list(CLIENT)


def who_is_not_trusted_is_refused(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    place = Place(peers=("192.0.2.0/24",))
    with serving(variant, place, directory=directory) as server:
        assert isinstance(server.address, tuple)
        with socket.create_connection(server.address, PATIENCE) as stream:
            assert ended(stream)


def silence_delays_nobody(
    variant: Variant, directory: Path, authority: Authority
) -> None:
    tls = authority if variant.tls else None
    place = Place(deadline=PATIENCE * 2)
    with serving(variant, place, directory=directory, authority=tls) as server:
        assert isinstance(server.address, tuple)
        silent = [socket.create_connection(server.address) for _ in range(4)]
        for stream in silent:
            stream.sendall(OCTETS[:7])
        said = asked(server, request=variant.request, authority=tls)
        for stream in silent:
            stream.close()
    assert said["client"] == list(CLIENT)


def sigterm_ends_it(variant: Variant, directory: Path, authority: Authority) -> None:
    second = Port()
    place = Place(direct_listen=(str(second),))
    try:
        with serving(variant, place, directory=directory) as server:
            asked(server, request=variant.request)
            code = server.process.end()
    finally:
        second.close()
    # Killed by it, as a program without a handler is, or ended by itself. Never -9.
    assert code in (0, -signal.SIGTERM)


RULES: tuple[Rule, ...] = (
    the_client_is_the_preambles,
    a_client_may_be_of_the_other_family,
    nobody_names_another_client,
    a_preamble_without_client_gives_no_address,
    a_unix_socket_serves_clients_with_an_address,
    a_second_address_wants_no_preamble,
    who_is_not_trusted_is_refused,
    silence_delays_nobody,
    sigterm_ends_it,
)
