"""What holds for every server behind preambles, asked of its process.

    @kept_by(*VARIANTS)
    def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
        rule(running)

All rules ask the same process, the last of them ends it. Whom a server believes, TLS or
not and UNIX socket or not, is in the matrix: tests/interop/test_trust.py.
"""

from __future__ import annotations

import contextlib
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sslmagic import Preamble, encode
from tests.interop import client
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port
from tests.interop.serving.claims import CLAIMS, STRANGER
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Server, Variant, serving
from tests.sslmagic.receiving import CLIENT, OCTETS, PATIENCE
from tests.sslmagic.servers.streams import streams
from tests.sslmagic.servers.upgrade import told

__all__ = [
    "FORGED",
    "LOCAL",
    "STRANGER",
    "Conductor",
    "Rule",
    "Running",
    "asked",
    "kept_by",
]

LOCAL = encode(Preamble.local(), "magic")
"""A preamble without a client."""
NOBODY = ("", None, ["", 0], ["", None])
"""How frameworks say that there is no client."""
FORGED = "".join(
    (
        f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n",
        *(f"{name}: {value}\r\n" for name, value in CLAIMS),
        "\r\n",
    )
).encode()
"""A request that names another client in every header that may."""


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


class Running:
    """One variant, with TLS if it has any, and a second address without preamble.

    Args:
        variant: what runs.
        directory: for its logs.
        authority: whose certificate it has.
        ending: what ends it.
    """

    def __init__(
        self,
        variant: Variant,
        directory: Path,
        authority: Authority,
        ending: contextlib.ExitStack,
    ) -> None:
        self.variant = variant
        self.authority = authority if variant.tls else None
        self._directory = directory
        self._ending = ending
        second = Port()
        ending.callback(second.close)
        self.second: Address = second.address
        self.server = self._serving(
            Place(direct_listen=(str(second),), deadline=PATIENCE * 2), self.authority
        )
        self.clear: Server | None = None
        """The same without TLS, where WebSockets are asked for in clear as well."""
        if variant.websocket and variant.tls:
            self.clear = self._serving(Place(), None)

    @property
    def address(self) -> Address:
        assert isinstance(self.server.address, tuple)
        return self.server.address

    def asked(
        self, before: bytes = OCTETS, *, request: bytes | None = None
    ) -> dict[str, Any]:
        """Whom it sees."""
        return self._asked(self.address, before, request)

    def asked_directly(self) -> dict[str, Any]:
        """Whom it sees at its second address."""
        return self._asked(self.second, b"", None)

    def _asked(
        self, address: Address, before: bytes, request: bytes | None
    ) -> dict[str, Any]:
        own = request or self.variant.request
        return asked(address, before, request=own, authority=self.authority)

    def _serving(self, place: Place, authority: Authority | None) -> Server:
        return self._ending.enter_context(
            serving(self.variant, place, directory=self._directory, authority=authority)
        )


class Conductor(contextlib.ExitStack):
    """Runs one variant at a time, and the same one once for all who ask for it.

    Args:
        directory: for logs.
        authority: whose certificate the variants have.
    """

    def __init__(self, directory: Path, authority: Authority) -> None:
        super().__init__()
        self._directory = directory
        self._authority = authority
        self._running: Running | None = None

    def run(self, variant: Variant) -> Running:
        one = self._running
        if one is None or one.variant is not variant:
            self.close()
            one = Running(variant, self._directory, self._authority, self)
            self._running = one
        return one


Rule = Callable[[Running], None]


def the_client_is_the_preambles(running: Running) -> None:
    said = running.asked()
    assert said["client"] == list(CLIENT)
    assert said["preamble"] is True
    assert said["peer"].startswith("127.0.0.1:")


def a_client_may_be_of_the_other_family(running: Running) -> None:
    named = Preamble(source=("2001:db8::9", 51234), destination=("2001:db8::2", 443))
    said = running.asked(encode(named, "magic"))
    assert said["client"] == ["2001:db8::9", 51234]


def a_preamble_without_client_gives_no_address(running: Running) -> None:
    said = running.asked(LOCAL)
    assert said["client"] in NOBODY
    assert said["preamble"] is True


def nobody_names_another_client(running: Running) -> None:
    said = running.asked(request=FORGED)
    assert said["client"] == list(CLIENT)
    assert said["claims"] == []


def a_second_address_wants_no_preamble(running: Running) -> None:
    said = running.asked_directly()
    assert said["client"][0] == "127.0.0.1"
    assert said["preamble"] is False
    assert running.asked()["client"] == list(CLIENT)


def silence_delays_nobody(running: Running) -> None:
    silent = [socket.create_connection(running.address) for _ in range(4)]
    for stream in silent:
        stream.sendall(OCTETS[:7])
    said = running.asked()
    for stream in silent:
        stream.close()
    assert said["client"] == list(CLIENT)


def its_log_names_the_client(running: Running) -> None:
    assert running.variant.log is not None
    running.asked(request=FORGED)
    running.server.process.until_said(running.variant.log)
    assert STRANGER not in running.server.process.said()


def http2_has_the_client_on_every_stream(running: Running) -> None:
    assert running.authority is not None
    said = streams(running.address, running.authority)
    assert [each["client"] for each in said] == [list(CLIENT)] * 3
    assert [each["claims"] for each in said] == [[]] * 3
    (nobody,) = streams(running.address, running.authority, before=LOCAL, number=1)
    assert nobody["client"] in NOBODY


def a_websocket_has_its_client_and_no_other(running: Running) -> None:
    answers = [told(running.address, authority=running.authority)]
    if running.clear is not None:
        answers.append(told(running.clear.address))
    for answer in answers:
        assert answer["client"] == list(CLIENT)
        assert answer["preamble"] is True
        assert answer["claims"] == []


def sigterm_ends_it(running: Running) -> None:
    code = running.server.process.end()
    # Killed by it, as a program without a handler is, or ended by itself. Never -9.
    assert code in (0, -signal.SIGTERM)


_RULES: dict[Rule, Callable[[Variant], object]] = {
    the_client_is_the_preambles: lambda variant: True,
    a_client_may_be_of_the_other_family: lambda variant: True,
    a_preamble_without_client_gives_no_address: lambda variant: True,
    nobody_names_another_client: lambda variant: variant.http,
    a_second_address_wants_no_preamble: lambda variant: True,
    silence_delays_nobody: lambda variant: True,
    its_log_names_the_client: lambda variant: variant.log,
    http2_has_the_client_on_every_stream: lambda variant: variant.http2,
    a_websocket_has_its_client_and_no_other: lambda variant: variant.websocket,
    sigterm_ends_it: lambda variant: True,
}
"""Each rule, and which variants it is for. The last one ends the process."""


def kept_by(*variants: Variant) -> pytest.MarkDecorator:
    """Has a test called with each of these, running, and each of its rules."""
    return pytest.mark.parametrize(
        ("running", "rule"),
        [
            pytest.param(variant, rule, id=f"{variant.name}-{rule.__name__}")
            for variant in variants
            for rule, concerns in _RULES.items()
            if concerns(variant)
        ],
        indirect=["running"],
    )
