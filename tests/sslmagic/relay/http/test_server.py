"""The virtual server: clients by address family, faults, and an end in order."""

from __future__ import annotations

import contextlib

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.relay.http.exchange import Exchange
from tests.sslmagic.relay.harness import Backend, Running, is_closed, receive, rest
from tests.sslmagic.relay.http.talk import GET, OK, head, http, serving


@pytest.mark.parametrize(
    ("listen", "connect", "said"),
    [
        (Endpoint("127.0.0.1", 0), "127.0.0.1", b"127.0.0.1"),
        (Endpoint("::1", 0), "::1", b"::1"),
        (Endpoint("", 0), "127.0.0.1", b"127.0.0.1"),
    ],
)
def test_a_client_is_named_in_its_own_family(
    listen: Endpoint, connect: str, said: bytes
) -> None:
    with Backend() as backend, Running(http(backend.address), listen=listen) as relay:
        relay.name = (connect, relay.name[1])
        with relay.client(GET) as client, backend.accept() as node:
            assert b"X-Cluster-Client-Ip: %b\r\n" % said in head(node)
            node.sendall(OK)
            assert receive(client, len(OK)) == OK


def test_a_worker_that_ends_waits_for_answers_and_for_nobody_else() -> None:
    with serving() as (relay, backend), contextlib.ExitStack() as stack:
        resting, asking = (stack.enter_context(relay.client(GET)) for _ in range(2))
        nodes = [stack.enter_context(backend.accept()) for _ in range(2)]
        for node in nodes:
            head(node)
        nodes[0].sendall(OK)
        assert receive(resting, len(OK)) == OK
        relay.call(relay.server.finish)
        assert rest(resting) == b""
        assert rest(nodes[0]) == b""
        nodes[1].sendall(OK)
        assert receive(asking, len(OK)) == OK
        relay.until(closed=1)


def test_a_fault_of_ours_ends_one_client_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (relay, backend):
        with monkeypatch.context() as patch:
            patch.setattr(Exchange, "feed", lambda self, octets: 1 // 0)
            with relay.client() as client:
                client.sendall(GET)
                assert is_closed(client)
            relay.until(faults=1, aborted=1)
        with relay.client(GET) as client, backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert receive(client, len(OK)) == OK
        relay.until(closed=1)
        assert relay.server.live == 0
