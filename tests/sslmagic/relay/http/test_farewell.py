"""The last words of a connection arrive, or the client has gone."""

from __future__ import annotations

import pytest

from sslmagic.relay.limits import Limits
from tests.sslmagic.relay.harness import is_closed, receive, reset, rest
from tests.sslmagic.relay.http.talk import GET, OK, head, serving

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


def test_a_client_that_never_takes_it_is_left_after_a_while() -> None:
    limits = Limits(timeout=0.2, connect_timeout=0)
    request = b"GET / HTTP/1.0\r\n\r\n"
    with serving(limits=limits, sweep=0.02) as (relay, backend):
        with relay.client(request) as client, backend.accept() as node:
            head(node)
            size = 1 << 22
            node.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            node.settimeout(0.05)
            with pytest.raises(OSError, match=r"timed out|reset|pipe"):
                for _ in range(1 << 12):
                    node.sendall(b"x" * 65536)
            relay.until(idle=1)
            assert client.fileno() >= 0


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
