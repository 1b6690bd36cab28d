"""The last words of a connection arrive, or the client has gone."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator

import pytest

from sslmagic.relay import counters
from sslmagic.relay.http.channel import Channel
from sslmagic.relay.http.farewell import Farewell
from sslmagic.relay.http.server import HttpServer
from tests.sslmagic.relay.harness import is_closed, receive, reset, rest
from tests.sslmagic.relay.http.talk import GET, OK, channel, head, serving

LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def test_a_connection_is_closed_at_once_when_nothing_is_on_its_way() -> None:
    with serving() as (relay, backend), relay.client(LAST) as client:
        with backend.accept() as node:
            assert b"Connection: close\r\n" in head(node)
            node.sendall(OK)
            assert rest(client).endswith(b"hi")
        relay.until(closed=1)
        assert not len(relay.server.lingering)


def test_it_waits_for_a_client_that_has_said_more() -> None:
    with serving() as (relay, backend), relay.client(LAST + GET) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert rest(client).endswith(b"hi")
            relay.when(lambda: len(relay.server.lingering) == 1)
            assert "closed" not in relay.counts()
        client.sendall(b"more")
        client.close()
        relay.until(closed=1)


def test_a_client_that_resets_instead_is_counted_so() -> None:
    with serving() as (relay, _):
        client = relay.client(b"NO\r\n\r\n")
        relay.when(lambda: len(relay.server.lingering) == 1)
        reset(client)
        relay.until(client_reset=1)


@pytest.fixture
def unheard() -> Iterator[tuple[Farewell, Channel, socket.socket]]:
    """A farewell to a client that has not taken all that was said."""
    with channel() as (end, client):
        end.write(b"x" * (1 << 26))
        assert end.pending
        server = end.end.server
        assert isinstance(server, HttpServer)
        yield Farewell(server, end, counters.CLOSED, linger=False), end, client


def test_a_client_that_does_not_take_it_is_left_after_a_while(
    unheard: tuple[Farewell, Channel, socket.socket],
) -> None:
    farewell, end, _ = unheard
    farewell.ready(0)
    now = end.end.server.loop.now
    farewell.swept(now + 0.9)
    assert end.end.server.counts[counters.IDLE] == 0
    farewell.swept(now + 1.0)
    assert end.end.closed
    assert end.end.server.counts[counters.IDLE] == 1
    assert end.end.server.live == 0
    # Whatever the loop still has to tell comes too late.
    farewell.ready(0)
    farewell.expired()
    farewell.abort()
    assert end.end.server.live == 0


def test_a_client_that_takes_it_slowly_gets_it_all(
    unheard: tuple[Farewell, Channel, socket.socket],
) -> None:
    farewell, end, client = unheard
    received = 0
    while not end.end.closed:
        farewell.ready(select.EPOLLOUT)
        received += len(client.recv(1 << 20))
    end.end.close()
    received += len(rest(client))
    assert received == 1 << 26
    assert end.end.server.counts[counters.CLOSED] == 1


def test_a_client_that_leaves_instead_is_counted_so(
    unheard: tuple[Farewell, Channel, socket.socket],
) -> None:
    farewell, end, client = unheard
    reset(client)
    farewell.ready(select.EPOLLOUT | select.EPOLLERR)
    assert end.end.server.counts[counters.CLIENT_RESET] == 1


def test_it_ends_with_the_worker() -> None:
    with serving() as (relay, _), relay.client(b"NO\r\n\r\n") as client:
        relay.when(lambda: len(relay.server.lingering) == 1)
        relay.call(relay.worker.loop.abort)
        relay.until(aborted=1)
        rest(client)


def test_a_worker_that_ends_takes_no_further_request() -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            relay.worker.finishing = True
            node.sendall(OK)
            answer = rest(client)
            assert b"Connection: close\r\n" in answer
            assert answer.endswith(b"hi")
            assert is_closed(node)


def test_what_was_said_before_a_refusal_arrives_first() -> None:
    with serving() as (relay, backend), relay.client(GET + b"NO\r\n\r\n") as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert receive(client, len(OK)) == OK
            assert rest(client).startswith(b"HTTP/1.1 400 ")
