"""Peers whose names servers take apart as host and port."""

from __future__ import annotations

from sslmagic import Preamble, encode
from sslmagic.listener.peername import IPName, UnixName
from sslmagic.preamble import Command, Endpoint
from sslmagic.servers.inet import InetListener
from tests.sslmagic.receiving import CLIENT, LOOPBACK, OCTETS, connect, listening

LOCAL = encode(Preamble(command=Command.LOCAL), "magic")


def test_an_address_stays_what_it_is() -> None:
    with (
        InetListener(listening(), trust=LOOPBACK) as listener,
        connect(listener, OCTETS),
    ):
        connection, name = listener.accept()
        with connection:
            assert connection.getpeername() == name == CLIENT


def test_nobody_is_an_empty_host_to_the_server_and_no_name_to_us() -> None:
    with (
        InetListener(listening(), trust=LOOPBACK) as listener,
        connect(listener, LOCAL) as client,
    ):
        connection, name = listener.accept()
        with connection, connection.dup() as duplicate:
            assert connection.getpeername() == name == ("", 0)
            assert isinstance(name, IPName)
            assert name.preamble == Preamble(command=Command.LOCAL)
            assert name.peer == Endpoint(*client.getsockname())
            own = connection.peer_name  # type: ignore[attr-defined]
            assert isinstance(own, UnixName)
            assert own == ""
            assert duplicate.getpeername() == ("", 0)
