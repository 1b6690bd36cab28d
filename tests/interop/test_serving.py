"""Every server behind real senders: the client's own address, TLS of the server's."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import trustme

from sslmagic import encode
from tests.interop.authority import HELLOS, Authority
from tests.interop.client import (
    REQUEST,
    Answer,
    Pieces,
    ask,
    octets,
    singly,
    split,
    together,
)
from tests.interop.peers import SOURCES, Address
from tests.interop.serving.front import FORMATS, SENDERS, in_front
from tests.interop.serving.load import load
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.interop.serving.variants import VARIANTS
from tests.sslmagic.receiving import (
    CLIENT,
    DESTINATION,
    OCTETS,
    PATIENCE,
    PREAMBLE,
    ended,
)
from tests.sslmagic.servers.streams import streams_in_pieces, streams_over
from tests.sslmagic.servers.upgrade import told_in_pieces, told_over

CONNECTIONS = 300
"""Of the load; `make soak` has more."""

BEHIND = 12
"""Octets behind the preamble at each of which it is cut as well."""

SEGMENT = 1_460
"""Octets that an Ethernet segment carries."""

_DIRECTLY = ("ordinary", "post-quantum")
"""The ClientHellos that no sender cuts anew."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One for many handshakes."""
    directory = tmp_path_factory.mktemp("authority")
    return Authority.create(directory, keys=trustme.KeyType.ECDSA)


@pytest.fixture(scope="module", params=VARIANTS, ids=lambda variant: variant.name)
def variant(request: pytest.FixtureRequest) -> Variant:
    assert isinstance(request.param, Variant)
    return request.param


@pytest.fixture(scope="module")
def node(
    variant: Variant, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Address]:
    """Where the server itself listens, the same one for every sender."""
    directory = tmp_path_factory.mktemp(variant.name)
    place = Place(formats=(*FORMATS, "proxy1"))
    tls = authority if variant.tls else None
    with serving(variant, place, directory=directory, authority=tls) as server:
        assert isinstance(server.address, tuple)
        yield server.address


@pytest.fixture(scope="module", params=SENDERS)
def sender(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def address(
    variant: Variant,
    node: Address,
    sender: str,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Address]:
    """Where the sender listens that stands in front of the server."""
    directory = tmp_path_factory.mktemp(sender)
    with in_front(
        sender, node, directory=directory, authority=authority, tls=variant.tls
    ) as place:
        yield place


def _context(
    variant: Variant, authority: Authority, hello: str = "ordinary"
) -> ssl.SSLContext | None:
    return authority.client(hello=hello) if variant.tls else None


@pytest.mark.parametrize("hello", HELLOS)
@pytest.mark.parametrize("pieces", [together, octets])
def test_server_sees_the_client(
    variant: Variant,
    address: Address,
    authority: Authority,
    hello: str,
    pieces: Pieces,
) -> None:
    answer = ask(
        address,
        _context(variant, authority, hello),
        source=SOURCES["ipv4"],
        pieces=pieces,
        request=variant.request or REQUEST,
    )
    assert answer.client == answer.local
    assert answer.body["destination"] == list(answer.remote)


def test_server_sees_the_client_over_tls_1_2(
    variant: Variant, address: Address, authority: Authority
) -> None:
    if not variant.tls:
        pytest.skip("it has no TLS")
    answer = ask(
        address,
        authority.client(version=ssl.TLSVersion.TLSv1_2),
        source=SOURCES["ipv4"],
        request=variant.request or REQUEST,
    )
    assert answer.version == "TLSv1.2"
    assert answer.client == answer.local


def test_every_stream_of_http2_sees_the_client(
    variant: Variant, address: Address, authority: Authority
) -> None:
    if not variant.http2:
        pytest.skip("it has no HTTP/2")
    with _connected(address) as plain:
        local = plain.getsockname()
        answers = streams_over(plain, authority)
    assert [answer["client"] for answer in answers] == [list(local)] * 3
    assert [answer["claims"] for answer in answers] == [[]] * 3


def test_a_websocket_sees_the_client(
    variant: Variant, address: Address, authority: Authority
) -> None:
    if not variant.websocket:
        pytest.skip("it has no WebSocket")
    with _connected(address) as plain:
        local = plain.getsockname()
        said = told_over(plain, authority=authority if variant.tls else None)
    assert said["client"] == list(local)
    assert said["claims"] == []


def _connected(address: Address) -> socket.socket:
    return socket.create_connection(address, PATIENCE, (SOURCES["ipv4"], 0))


def test_no_connection_is_lost(
    variant: Variant, address: Address, authority: Authority
) -> None:
    done = load(
        address,
        _context(variant, authority),
        number=CONNECTIONS,
        request=variant.request,
    )
    assert (done.answered, done.lost) == (CONNECTIONS, {})


def test_a_proxy_protocol_line_names_the_client(
    variant: Variant, node: Address, authority: Authority
) -> None:
    answer = ask(
        node,
        _context(variant, authority),
        before=encode(PREAMBLE, "proxy1"),
        request=variant.request or REQUEST,
    )
    assert answer.client == CLIENT
    assert answer.body["destination"] == list(DESTINATION)


def test_an_application_has_the_counters_of_its_process(
    variant: Variant, node: Address, authority: Authority
) -> None:
    context = _context(variant, authority)
    request = variant.request or REQUEST

    def counters() -> dict[str, int]:
        answer = ask(node, context, before=OCTETS, request=request)
        # A server has one listener, and a worker none of its parent's.
        (counted,) = answer.body["counters"]
        return dict(counted)

    before = counters()
    with socket.create_connection(node, PATIENCE) as stranger:
        stranger.sendall(b"no preamble")
        assert ended(stranger)
    after = counters()
    assert after.pop("accepted") == before.pop("accepted") + 1
    assert sum(after.values()) == sum(before.values()) + 1


def test_a_connection_may_begin_in_any_pieces(
    variant: Variant, node: Address, authority: Authority
) -> None:
    """In any two: cut inside the preamble, every first piece is there before any second
    one is sent. And octet by octet, with the whole ClientHello, of every protocol.

    That the server has seen the first pieces is known from an answer to a connection
    that came after them. Behind the preamble its own TLS waits for the rest, and a
    server that serves one connection at a time would answer nobody else meanwhile.
    """
    request = variant.request or REQUEST
    contexts = {hello: _context(variant, authority, hello) for hello in _DIRECTLY}

    def asked(pieces: Pieces, hello: str = "ordinary") -> Answer:
        context = contexts[hello]
        return ask(node, context, before=OCTETS, pieces=pieces, request=request)

    inside = range(1, len(OCTETS))
    behind = range(len(OCTETS), len(OCTETS) + BEHIND + 1)
    sent = threading.Barrier(len(inside) + 1, timeout=PATIENCE)
    seen = threading.Event()

    def held(cut: int) -> Pieces:
        def pieces(first: bytes) -> Iterable[bytes]:
            yield first[:cut]
            sent.wait()
            assert seen.wait(PATIENCE)
            yield first[cut:]

        return pieces

    with ThreadPoolExecutor(len(inside)) as pool:
        first = pool.map(lambda cut: asked(held(cut)), inside)
        sent.wait()
        assert asked(together).client == CLIENT
        seen.set()
        more = [pool.submit(asked, singly), pool.submit(asked, singly, "post-quantum")]
        more.append(pool.submit(asked, together, "post-quantum"))
        spoken: list[Future[dict[str, Any]]] = []
        if variant.http2:
            spoken.append(pool.submit(_stream, node, authority))
        if variant.websocket:
            spoken.append(pool.submit(told_in_pieces, node, authority, singly))
        answers = [*first, *pool.map(lambda cut: asked(split(cut)), behind)]
        answers += [each.result() for each in more]
    assert [answer.client for answer in answers] == [CLIENT] * len(answers)
    assert len(answers) == len(OCTETS) + BEHIND + len(more)
    if variant.tls:
        assert [answer.hello > SEGMENT for answer in answers[-3:]] == [
            False,
            True,
            True,
        ]
    said = [each.result() for each in spoken]
    assert [(each["client"], each["claims"]) for each in said] == [
        (list(CLIENT), []) for _ in said
    ]


def _stream(node: Address, authority: Authority) -> dict[str, Any]:
    (said,) = streams_in_pieces(node, authority, singly)
    return said
