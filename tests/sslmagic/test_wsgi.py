"""WSGI: the client in each environ, from the connection or a trusted peer's header."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from sslmagic import Endpoint, Preamble, Trust, UnixEndpoint
from sslmagic.listener.peername import PeerName, pair_name, peer_name, plain_name
from sslmagic.wsgi import ClientEnviron, ClusterClientIP, Environ, introduce
from tests.sslmagic.receiving import CLIENT, PREAMBLE

GATEWAY = ("10.0.0.1", 40000)
PEER = Endpoint(*GATEWAY)
TRUST = Trust(peers=["10.0.0.0/8", "unix"])

CLUSTER = {"HTTP_X_CLUSTER_CLIENT_IP": "203.0.113.9"}
FOR = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.9"}
CLAIMS = {
    **CLUSTER,
    **FOR,
    "HTTP_FORWARDED": "for=6.6.6.6",
    "HTTP_X_FORWARDED_PROTO": "https",
    "HTTP_X.FORWARDED~HOST": "x",
}
REST = {"HTTP_HOST": "shop.example", "HTTP_X_FORWARDING": "a name of its own"}

NAMED = peer_name(PREAMBLE.source, PREAMBLE, PEER)
LOCAL = peer_name(None, Preamble.local(), PEER)
DIRECT = plain_name(GATEWAY)


class Exchange:
    """What an application saw, and what was answered."""

    def __init__(self) -> None:
        self.seen: list[Environ] = []
        self.status = ""
        self.fields: dict[str, str] = {}
        self.body = b""

    def app(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        self.seen.append(environ)
        start_response("200 OK", [])
        return [b""]

    def serve(self, app: Callable[..., Iterable[bytes]], environ: Environ) -> None:
        self.body = b"".join(app(environ, self._start))

    def _start(self, status: str, fields: list[tuple[str, str]]) -> None:
        self.status, self.fields = status, dict(fields)


def environ(host: str | None, port: str | None = "40000", **more: str) -> Environ:
    given: Environ = {"REQUEST_METHOD": "GET", "REMOTE_HOST": "gateway", **REST}
    if host is not None:
        given["REMOTE_ADDR"] = host
    if port is not None:
        given["REMOTE_PORT"] = port
    return {**given, **more}


def serve(given: Environ, **options: Any) -> tuple[Exchange, dict[str, int]]:
    exchange = Exchange()
    app = ClusterClientIP(exchange.app, trust=TRUST, **options)
    exchange.serve(app, given)
    return exchange, app.counters.snapshot()


def headers(seen: Environ) -> dict[str, str]:
    return {key: value for key, value in seen.items() if key.startswith("HTTP_")}


def test_the_connection_s_client_is_in_its_environ() -> None:
    given = environ(*GATEWAY[:1], **CLAIMS)
    introduce(given, NAMED)
    assert (given["REMOTE_ADDR"], given["REMOTE_PORT"]) == ("203.0.113.9", "51234")
    assert "REMOTE_HOST" not in given
    assert (given["sslmagic.preamble"], given["sslmagic.peer"]) == (PREAMBLE, PEER)
    assert headers(given) == REST


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (LOCAL, ""),
        (pair_name(LOCAL), ""),
        (peer_name(UnixEndpoint("/run/x"), PREAMBLE, PEER), "/run/x"),
    ],
)
def test_a_client_without_an_address_has_no_port(name: PeerName, address: str) -> None:
    given = environ(GATEWAY[0], **CLAIMS)
    introduce(given, name)
    assert given["REMOTE_ADDR"] == address
    assert "REMOTE_PORT" not in given
    assert headers(given) == REST


def test_a_direct_connection_keeps_its_headers() -> None:
    given = environ(None, None, **CLAIMS)
    introduce(given, DIRECT)
    assert (given["REMOTE_ADDR"], given["REMOTE_PORT"]) == ("10.0.0.1", "40000")
    assert (given["sslmagic.preamble"], given["sslmagic.peer"]) == (None, PEER)
    assert headers(given) == {**REST, **CLAIMS}


def test_an_application_gets_environs_with_their_clients() -> None:
    exchange = Exchange()
    app = ClientEnviron(exchange.app, lambda given: given["server.name"])
    exchange.serve(app, {"server.name": NAMED, **CLAIMS})
    (seen,) = exchange.seen
    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == ("203.0.113.9", "51234")
    assert headers(seen) == {}
    assert exchange.status == "200 OK"


@pytest.mark.parametrize(
    ("host", "port", "peer"),
    [
        ("10.0.0.1", "40000", PEER),
        ("10.0.0.1", None, Endpoint("10.0.0.1", 0)),
        ("::ffff:10.0.0.1", "40000", PEER),
        ("", None, UnixEndpoint()),
        (None, None, UnixEndpoint()),
    ],
)
def test_a_trusted_peer_names_the_client(
    host: str | None, port: str | None, peer: Endpoint | UnixEndpoint
) -> None:
    exchange, counters = serve(environ(host, port, **CLUSTER))
    (seen,) = exchange.seen
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert not {"REMOTE_PORT", "REMOTE_HOST"} & set(seen)
    assert headers(seen) == {**REST, **CLUSTER}
    assert seen["sslmagic.header"] == "x-cluster-client-ip"
    assert (seen["sslmagic.preamble"], seen["sslmagic.peer"]) == (None, peer)
    assert counters["named"] == 1


def test_it_names_it_on_a_direct_connection_of_our_servers_too() -> None:
    given = environ(None, None, **CLUSTER)
    introduce(given, DIRECT)
    assert serve(given)[0].seen[0]["REMOTE_ADDR"] == "203.0.113.9"


def test_one_that_is_silent_is_the_client() -> None:
    exchange, counters = serve(environ("10.0.0.1", **FOR))
    (seen,) = exchange.seen
    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == ("10.0.0.1", "40000")
    assert headers(seen) == {**REST, **FOR}
    assert seen["sslmagic.header"] is None
    assert counters["unnamed"] == 1


@pytest.mark.parametrize(
    ("accept", "key", "value"),
    [
        ("X-Forwarded-For", "HTTP_X_FORWARDED_FOR", "203.0.113.9"),
        ("Forwarded", "HTTP_FORWARDED", "for=203.0.113.9"),
    ],
)
def test_other_headers_name_it_where_they_are_asked_for(
    accept: str, key: str, value: str
) -> None:
    given = environ("10.0.0.1", **FOR, HTTP_FORWARDED="for=\xff, for=203.0.113.9")
    exchange, _ = serve(given, accept=[accept])
    (seen,) = exchange.seen
    assert seen["REMOTE_ADDR"] == "203.0.113.9"
    assert seen["sslmagic.header"] == accept.lower()
    assert seen[key] == value


@pytest.mark.parametrize("host", ["192.0.2.66", "localhost", "127.0.0.1"])
def test_anybody_else_s_words_are_removed(host: str) -> None:
    given = environ(host, **CLAIMS, **{"HTTP_X.CLUSTER.CLIENT.IP": "6.6.6.6"})
    exchange, counters = serve(given, accept=["x-forwarded-for"])
    (seen,) = exchange.seen
    assert (seen["REMOTE_ADDR"], seen["REMOTE_PORT"]) == (host, "40000")
    left = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_PROTO", "HTTP_X.FORWARDED~HOST")
    assert headers(seen) == {**REST, **{key: CLAIMS[key] for key in left}}
    assert counters["removed"] == 1


@pytest.mark.parametrize(("name", "client"), [(NAMED, CLIENT[0]), (LOCAL, "")])
def test_behind_a_preamble_the_client_stays(name: PeerName, client: str) -> None:
    """Though the peer is one that might name another."""
    given = environ(client, None, **CLAIMS)
    given["sslmagic.preamble"], given["sslmagic.peer"] = name.preamble, name.peer
    exchange, _ = serve(given)
    (seen,) = exchange.seen
    assert seen["REMOTE_ADDR"] == client
    assert headers(seen) == REST
    assert seen["sslmagic.header"] is None


def test_it_decides_the_same_when_it_is_there_twice() -> None:
    exchange = Exchange()
    inner = ClusterClientIP(exchange.app, trust=TRUST)
    exchange.serve(ClusterClientIP(inner, trust=TRUST), environ("10.0.0.1", **CLUSTER))
    assert exchange.seen[0]["REMOTE_ADDR"] == "203.0.113.9"
    assert inner.counters.named == 1


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"HTTP_X_CLUSTER_CLIENT_IP": "203.0.113.9,203.0.113.9"}, "several"),
        ({**CLUSTER, "HTTP_X.CLUSTER.CLIENT.IP": "203.0.113.9"}, "several"),
        ({"HTTP_X.CLUSTER.CLIENT.IP": "203.0.113.9"}, "alias"),
        ({"HTTP_X_CLUSTER_CLIENT_IP": "\u20ac\n"}, "address"),
    ],
)
def test_badly_named_is_400(
    claims: dict[str, str], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchange, counters = serve(environ("10.0.0.1", **claims))
    assert exchange.seen == []
    assert exchange.status == "400 Bad Request"
    assert exchange.fields["Content-Length"] == str(len(exchange.body))
    assert exchange.body.count(b"\n") == 1
    assert counters[f"refused_{reason}"] == 1
    (line,) = caplog.messages
    assert line.startswith(f"refused 10.0.0.1:40000: {reason}: ")
    assert line.isprintable()


@pytest.mark.parametrize(
    ("port", "more"),
    [
        ("0", {}),
        ("40000", {"werkzeug.proxy_fix.orig": "{}"}),
        ("40000", {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 10.0.0.7"}),
        ("40000", {"HTTP_FORWARDED": 'by=10.0.0.1;for="10.0.0.7:80"'}),
    ],
)
def test_a_peer_that_was_rewritten_is_never_trusted(
    port: str, more: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    exchange, counters = serve(environ("10.0.0.7", port, **CLUSTER, **more))
    assert exchange.seen == []
    assert exchange.status == "500 Internal Server Error"
    assert counters["rewritten"] == 1
    assert "REMOTE_ADDR is '10.0.0.7'" in caplog.messages[0]
