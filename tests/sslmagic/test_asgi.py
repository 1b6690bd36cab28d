"""ASGI: the client in each scope, from the connection or a trusted peer's header."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

import pytest

from sslmagic import Endpoint, Preamble, Trust, UnixEndpoint
from sslmagic.asgi import Application, ClientScope, ClusterClientIP, Scope
from sslmagic.listener.peername import PeerName, peer_name, plain_name
from sslmagic.loopserver import CLIENT as NAME
from tests.sslmagic.receiving import CLIENT, PREAMBLE

GATEWAY = ("10.0.0.1", 40000)
PEER = Endpoint(*GATEWAY)
STRANGER = ("192.0.2.66", 40000)
TRUST = Trust(peers=["10.0.0.0/8", "unix"])

HOST = (b"host", b"shop.example")
CLUSTER = (b"x-cluster-client-ip", b"203.0.113.9")
FOR = (b"x-forwarded-for", b"6.6.6.6, 203.0.113.9")
CLAIMS = [CLUSTER, FOR, (b"forwarded", b"for=6.6.6.6"), (b"x-forwarded-proto", b"x")]

NAMED = peer_name(PREAMBLE.source, PREAMBLE, PEER)
LOCAL = peer_name(None, Preamble.local(), PEER)
DIRECT = plain_name(GATEWAY)


class Exchange:
    """What an application saw, and what was sent."""

    def __init__(self) -> None:
        self.seen: list[Scope] = []
        self.sent: list[dict[str, Any]] = []
        self.counters: dict[str, int] = {}

    async def app(self, scope: Scope, receive: Any, send: Any) -> None:
        self.seen.append(scope)

    def serve(
        self, app: Application, scope: Scope, name: PeerName | None = None
    ) -> None:
        async def send(message: Any) -> None:
            self.sent.append(message)

        async def receive() -> dict[str, Any]:
            return {"type": f"{scope['type']}.connect"}

        async def serving() -> None:
            await app(scope, receive, send)

        def run() -> None:
            if name is not None:
                NAME.set(name)
            asyncio.run(serving())

        copy_context().run(run)


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


def scope(
    client: Any = None, headers: Any = (), kind: str = "http", **more: Any
) -> Scope:
    return {"type": kind, "client": client, "headers": [HOST, *headers], **more}


def serve(given: Scope, name: PeerName | None = None, **options: Any) -> Exchange:
    exchange = Exchange()
    middleware = ClusterClientIP(exchange.app, trust=TRUST, **options)
    app: Application = middleware
    if name is not None:
        app = ClientScope(middleware)
    exchange.serve(app, given, name)
    exchange.counters = middleware.counters.snapshot()
    return exchange


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize("said", [CLIENT, list(CLIENT)])
def test_the_connection_s_client_is_in_its_scopes(
    exchange: Exchange, kind: str, said: Any
) -> None:
    given = scope(said, CLAIMS, kind, extensions={"tls": {}})
    exchange.serve(ClientScope(exchange.app), given, NAMED)
    (seen,) = exchange.seen
    assert seen["client"] == CLIENT
    assert seen["headers"] == [HOST]
    assert seen["extensions"] == {
        "tls": {},
        "sslmagic": {"preamble": PREAMBLE, "peer": PEER},
    }


def test_a_connection_without_a_client_has_none(exchange: Exchange) -> None:
    exchange.serve(ClientScope(exchange.app), scope(None, CLAIMS), LOCAL)
    (seen,) = exchange.seen
    assert seen["client"] is None
    assert seen["headers"] == [HOST]


def test_an_empty_address_is_no_client_either(exchange: Exchange) -> None:
    exchange.serve(ClientScope(exchange.app), scope(("", 0)), LOCAL)
    assert exchange.seen[0]["client"] is None


@pytest.mark.parametrize(("own", "client"), [(NAMED, CLIENT), (LOCAL, None)])
def test_an_application_of_one_connection_knows_its_client(
    exchange: Exchange, own: PeerName, client: Any
) -> None:
    """Whatever connection's the context is."""
    exchange.serve(ClientScope(exchange.app, own), scope(client), DIRECT)
    (seen,) = exchange.seen
    assert seen["client"] == client
    assert seen["extensions"]["sslmagic"]["preamble"] is own.preamble


@pytest.mark.parametrize("name", [NAMED, DIRECT])
def test_what_the_server_adds_later_is_no_header(
    exchange: Exchange, name: PeerName
) -> None:
    """As uvicorn on httptools adds trailers."""
    given = scope(CLIENT if name is NAMED else GATEWAY)
    server_s = given["headers"]
    exchange.serve(ClientScope(exchange.app), given, name)
    server_s.append(FOR)
    assert exchange.seen[0]["headers"] == [HOST]


def test_a_direct_connection_keeps_its_headers(exchange: Exchange) -> None:
    exchange.serve(ClientScope(exchange.app), scope(GATEWAY, CLAIMS), DIRECT)
    (seen,) = exchange.seen
    assert seen["client"] == GATEWAY
    assert seen["headers"] == [HOST, *CLAIMS]
    assert seen["extensions"]["sslmagic"] == {"preamble": None, "peer": PEER}


@pytest.mark.parametrize(
    ("said", "name", "words"),
    [
        (CLIENT, None, "outside of its connection's context"),
        (("6.6.6.6", 0), NAMED, "is its own handling of forwarded headers on"),
        (("6.6.6.6", CLIENT[1]), NAMED, "its server says"),
        # The server's word is wrong as well where one of both says that nobody is.
        (None, NAMED, "its server says None"),
        (CLIENT, LOCAL, "the connection is from None"),
    ],
)
def test_a_scope_of_nobody_s_is_not_served(
    exchange: Exchange, said: Any, name: PeerName | None, words: str
) -> None:
    with pytest.raises(RuntimeError, match=words):
        exchange.serve(ClientScope(exchange.app), scope(said), name)
    assert exchange.seen == []


@pytest.mark.parametrize("middleware", [ClientScope, ClusterClientIP])
def test_lifespan_passes(exchange: Exchange, middleware: Any) -> None:
    options: dict[str, Any] = {"trust": TRUST} if middleware is ClusterClientIP else {}
    given: Scope = {"type": "lifespan"}
    exchange.serve(middleware(exchange.app, **options), given)
    assert exchange.seen == [{"type": "lifespan"}]


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("client", "peer"), [(GATEWAY, PEER), (None, UnixEndpoint()), (("", 0), None)]
)
def test_a_trusted_peer_names_the_client(kind: str, client: Any, peer: Any) -> None:
    exchange = serve(scope(client, [CLUSTER], kind))
    (seen,) = exchange.seen
    assert seen["client"] == ("203.0.113.9", 0)
    assert seen["headers"] == [HOST, CLUSTER]
    assert seen["extensions"]["sslmagic"] == {
        "preamble": None,
        "peer": peer or UnixEndpoint(),
        "header": "x-cluster-client-ip",
    }


def test_it_names_it_on_a_direct_connection_of_our_servers_too() -> None:
    exchange = serve(scope(GATEWAY, [CLUSTER]), DIRECT)
    assert exchange.seen[0]["client"] == ("203.0.113.9", 0)


def test_one_that_is_silent_is_the_client() -> None:
    exchange = serve(scope(GATEWAY, [FOR]))
    (seen,) = exchange.seen
    assert seen["client"] == GATEWAY
    assert seen["headers"] == [HOST, FOR]
    assert seen["extensions"]["sslmagic"]["header"] is None


@pytest.mark.parametrize("accept", [("X-Forwarded-For",), ("forwarded",)])
def test_other_headers_name_it_where_they_are_asked_for(accept: Any) -> None:
    exchange = serve(
        scope(GATEWAY, [FOR, (b"forwarded", b"for=6.6.6.6, for=203.0.113.9")]),
        accept=accept,
    )
    (seen,) = exchange.seen
    assert seen["client"] == ("203.0.113.9", 0)
    assert seen["extensions"]["sslmagic"]["header"] == accept[0].lower()
    cut = [value for _, value in seen["headers"] if b"6.6.6.6" not in value]
    assert len(cut) == 2


@pytest.mark.parametrize("client", [STRANGER, ("testclient", 50000), ("127.0.0.1", 9)])
def test_anybody_else_s_words_are_removed(client: Any) -> None:
    alias = (b"x_cluster_client_ip", b"6.6.6.6")
    exchange = serve(scope(client, [CLUSTER, alias, FOR]), accept=["x-forwarded-for"])
    (seen,) = exchange.seen
    assert seen["client"] == client
    assert seen["headers"] == [HOST]
    assert exchange.counters["removed"] == 1


@pytest.mark.parametrize(("name", "client"), [(NAMED, CLIENT), (LOCAL, None)])
def test_behind_a_preamble_the_client_stays(name: PeerName, client: Any) -> None:
    """Though the peer is one that might name another."""
    exchange = serve(scope(client, CLAIMS), name)
    (seen,) = exchange.seen
    assert seen["client"] == client
    assert seen["headers"] == [HOST]
    assert seen["extensions"]["sslmagic"]["header"] is None
    # Nor where another server's module only says that there was one.
    known = {"preamble": name.preamble, "peer": PEER}
    exchange = serve(scope(client, CLAIMS, extensions={"sslmagic": known}))
    assert exchange.seen[0]["client"] == client
    assert exchange.seen[0]["headers"] == [HOST]


def test_it_decides_the_same_when_it_is_there_twice() -> None:
    exchange = Exchange()
    inner = ClusterClientIP(exchange.app, trust=TRUST)
    exchange.serve(ClusterClientIP(inner, trust=TRUST), scope(GATEWAY, [CLUSTER]))
    (seen,) = exchange.seen
    assert seen["client"] == ("203.0.113.9", 0)
    assert inner.counters.named == 1


def test_badly_named_is_400(caplog: pytest.LogCaptureFixture) -> None:
    exchange = serve(scope(GATEWAY, [CLUSTER, CLUSTER]))
    assert exchange.seen == []
    start, body = exchange.sent
    assert (start["type"], start["status"]) == ("http.response.start", 400)
    assert (b"content-length", b"%d" % len(body["body"])) in start["headers"]
    assert body["body"].endswith(b"\n")
    (line,) = caplog.messages
    assert line == "refused 10.0.0.1:40000: several: 2 headers name the client"
    assert exchange.counters["refused_several"] == 1


def test_badly_named_is_400_on_a_websocket() -> None:
    bad = [CLUSTER, CLUSTER]
    extensions: Any = {"websocket.http.response": {}}
    exchange = serve(scope(GATEWAY, bad, "websocket", extensions=extensions))
    start, body = exchange.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
    assert body["type"] == "websocket.http.response.body"
    exchange = serve(scope(GATEWAY, bad, "websocket"))
    assert exchange.sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    exchange = serve(scope(("6.6.6.6", 0), (), "websocket"))
    assert exchange.sent == [{"type": "websocket.close", "code": 1011, "reason": ""}]


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (("10.0.0.7", 0), b"10.0.0.7"),
        (("10.0.0.7", 4711), b"6.6.6.6, 10.0.0.7:4711"),
        (("10.0.0.7", 1234), b"10.0.0.7:01234"),
        (("10.0.0.7", 1234), b"10.0.0.7: +1_234, 6.6.6.6"),
        (("10.0.0.7", 40000), b"10.0.0.7"),
        (("2001:db8::9", 4711), b"[2001:db8::9]:4711"),
        (("2001:db8::9", 40000), b"2001:0DB8:0::9"),
        (("\x1b\u202e\n", 0), b"x"),
    ],
)
def test_a_peer_that_the_server_rewrote_is_never_trusted(
    client: Any, said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """uvicorn takes the port from X-Forwarded-For as well, or 0; others leave it."""
    exchange = serve(scope(client, [CLUSTER, (b"x-forwarded-for", said)]))
    assert exchange.seen == []
    assert exchange.sent[0]["status"] == 500
    (line,) = caplog.messages
    assert "its own handling of forwarded headers" in line
    assert "--no-proxy-headers" in line
    assert line.isprintable()
    assert exchange.counters["rewritten"] == 1


@pytest.mark.parametrize("client", [None, ("", 0)])
def test_a_nameless_peer_of_a_port_is_no_unix_peer(client: Any) -> None:
    """A connection that was reset has no peer's name, and its request is served."""
    exchange = serve(scope(client, [CLUSTER], server=("127.0.0.1", 8000)))
    (seen,) = exchange.seen
    assert seen["client"] == client
    assert seen["headers"] == [HOST]
    exchange = serve(scope(client, [CLUSTER], server=("/run/app.sock", None)))
    assert exchange.seen[0]["client"] == ("203.0.113.9", 0)
