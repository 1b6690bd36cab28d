from __future__ import annotations

import copy
import pickle
import socket

import pytest

from sslmagic import Endpoint, Preamble, UnixEndpoint
from sslmagic.listener.peername import (
    IPName,
    PairName,
    SocketAddress,
    UnixName,
    pair_name,
    peer_name,
    peer_of,
    plain_name,
)
from tests.sslmagic.receiving import PREAMBLE

GATEWAY = Endpoint("10.0.0.5", 40112)
NAMES = [
    (Endpoint("203.0.113.9", 51234), ("203.0.113.9", 51234)),
    (Endpoint("2001:db8::1", 443), ("2001:db8::1", 443, 0, 0)),
    (UnixEndpoint("/run/client"), "/run/client"),
    (UnixEndpoint(""), ""),
    (None, ""),
]


@pytest.mark.parametrize(("client", "plain"), NAMES)
def test_a_name_is_the_plain_value_with_a_preamble(
    client: Endpoint | UnixEndpoint | None, plain: object
) -> None:
    name = peer_name(client, PREAMBLE, GATEWAY)
    assert isinstance(name, type(plain))
    assert name == plain
    assert plain == name
    assert hash(name) == hash(plain)
    assert {plain: 1}[name] == 1
    assert repr(name) == repr(plain)
    assert str(name) == str(plain)
    assert name.preamble is PREAMBLE
    assert name.peer is GATEWAY


@pytest.mark.parametrize(("client", "plain"), NAMES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_name_travels_between_processes(
    client: Endpoint | UnixEndpoint | None, plain: object, protocol: int
) -> None:
    name = peer_name(client, PREAMBLE, GATEWAY)
    loaded = pickle.loads(pickle.dumps(name, protocol))
    assert type(loaded) is type(name)
    assert loaded == plain
    assert loaded.preamble == PREAMBLE
    assert loaded.peer == GATEWAY


def test_what_is_no_address_has_the_shape_of_one_and_says_so() -> None:
    address = peer_name(Endpoint("203.0.113.9", 51234), PREAMBLE, GATEWAY)
    assert pair_name(address) is address
    for path in ("/run/client", ""):
        name = pair_name(peer_name(UnixEndpoint(path), PREAMBLE, GATEWAY))
        assert isinstance(name, PairName)
        assert name.preamble is PREAMBLE
        assert name.peer is GATEWAY
        assert name == (path, 0)


def test_a_name_can_be_copied() -> None:
    name = copy.deepcopy(peer_name(Endpoint("203.0.113.9", 1), PREAMBLE, GATEWAY))
    assert isinstance(name, IPName)
    assert name.preamble == PREAMBLE
    assert name == ("203.0.113.9", 1)


def test_a_name_can_be_taken_apart_and_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = Endpoint(*server.getsockname())
        name = peer_name(place, Preamble.local(), GATEWAY)
        host, port = name
        assert (host, port) == server.getsockname()
        with socket.create_connection(name) as client:  # type: ignore[arg-type]
            assert client.getpeername() == name


def test_a_direct_peer_keeps_the_name_that_the_kernel_gave() -> None:
    for kernel in [
        ("::ffff:203.0.113.9", 1, 0, 0),
        ("fe80::1", 2, 0, 3),
        ("1.2.3.4", 5),
    ]:
        name = plain_name(kernel)
        assert isinstance(name, IPName)
        assert name == kernel
        assert name.preamble is None
        assert name.peer == peer_of(kernel)
    for path in ["/run/x", "", b"\0abstract", None]:
        name = plain_name(path)
        assert isinstance(name, UnixName)
        assert name.preamble is None
        assert name.peer == UnixEndpoint(str(name))
    assert plain_name(b"\0abstract") == "\0abstract"


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("203.0.113.9", 1), Endpoint("203.0.113.9", 1)),
        (("2001:db8::1", 1, 0, 0), Endpoint("2001:db8::1", 1)),
        (("::ffff:203.0.113.9", 1, 0, 0), Endpoint("203.0.113.9", 1)),
        (("::ffff:0:1", 1, 0, 0), Endpoint("::ffff:0:1", 1)),
        (("fe80::1%eth0", 1, 0, 2), Endpoint("fe80::1", 1)),
        ("/run/x", UnixEndpoint("/run/x")),
        ("", UnixEndpoint("")),
        (None, UnixEndpoint("")),
        (b"\0abstract", UnixEndpoint("\0abstract")),
        (b"/run/\xff", UnixEndpoint("/run/\udcff")),
    ],
)
def test_the_peer_behind_a_kernel_name(
    address: SocketAddress, peer: Endpoint | UnixEndpoint
) -> None:
    assert peer_of(address) == peer


def test_a_dual_stack_socket_has_ipv4_peers() -> None:
    with (
        socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True
        ) as server,
        socket.create_connection(("127.0.0.1", server.getsockname()[1])) as client,
    ):
        connection, address = server.accept()
        connection.close()
        assert address[0] == "::ffff:127.0.0.1"
        assert peer_of(address) == Endpoint(*client.getsockname())
