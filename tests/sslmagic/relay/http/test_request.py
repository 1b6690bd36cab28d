"""The request that a node gets: one address, one framing, one host."""

from __future__ import annotations

from http import HTTPStatus

import h11
import pytest

from sslmagic.headers import claims_client
from sslmagic.relay.http.refusal import RequestError
from sslmagic.relay.http.request import onward

CLIENT = "203.0.113.9"
NAMED = (b"X-Cluster-Client-Ip", CLIENT.encode())

Lines = list[tuple[bytes, bytes]]


def rewritten(
    *lines: tuple[bytes, bytes],
    method: str = "GET",
    target: str = "/",
    version: bytes = b"1.1",
    client: str | None = CLIENT,
    last: bool = False,
    host: bytes | None = b"shop.example",
) -> h11.Request:
    headers = [*lines] if host is None else [(b"Host", host), *lines]
    request = h11.Request(
        method=method, target=target, headers=headers, http_version=version
    )
    return onward(request, client, last=last)


def headers(request: h11.Request) -> Lines:
    return request.headers.raw_items()


def test_a_request_goes_on_as_it_came_and_names_its_client() -> None:
    request = rewritten((b"Accept", b"*/*"), (b"X-Forwarded-For", b"6.6.6.6"))
    assert (request.method, request.target) == (b"GET", b"/")
    assert headers(request) == [
        (b"Host", b"shop.example"),
        (b"Accept", b"*/*"),
        (b"X-Forwarded-For", b"6.6.6.6"),
        NAMED,
    ]


@pytest.mark.parametrize(
    "name",
    [
        b"X-Cluster-Client-Ip",
        b"x-cluster-client-ip",
        b"X-CLUSTER-CLIENT-IP",
        b"X_Cluster_Client_Ip",
        b"x_cluster-client_ip",
        b"X.Cluster.Client.Ip",
    ],
)
@pytest.mark.parametrize("value", [b"6.6.6.6", b"", b"::1", CLIENT.encode()])
def test_a_clients_own_claim_is_removed(name: bytes, value: bytes) -> None:
    request = rewritten((name, value), (b"A", b"b"), (name.swapcase(), b"7.7.7.7"))
    claims = [line for line in headers(request) if claims_client(line[0])]
    assert claims == [NAMED]
    assert (b"A", b"b") in headers(request)


@pytest.mark.parametrize(
    "named", [b"X-Cluster-Client-Ip", b"close, x_cluster_client_ip"]
)
def test_connection_cannot_make_the_next_hop_remove_it(named: bytes) -> None:
    request = rewritten((b"Connection", named), NAMED)
    assert [name for name, _ in headers(request)] == [b"Host", NAMED[0]]


def test_a_client_without_an_address_is_not_named() -> None:
    assert headers(rewritten(NAMED, client=None)) == [(b"Host", b"shop.example")]


@pytest.mark.parametrize(
    ("client", "said"),
    [("::FFFF:192.0.2.1", "192.0.2.1"), ("2001:DB8:0::1", "2001:db8::1")],
)
def test_an_address_has_one_spelling(client: str, said: str) -> None:
    assert headers(rewritten(client=client))[-1] == (NAMED[0], said.encode())


@pytest.mark.parametrize(
    "name",
    [
        *(b"Connection", b"Keep-Alive", b"Proxy-Connection", b"TE"),
        *(b"X-Forwarded-Proto", b"x_forwarded_proto"),
    ],
)
def test_what_is_of_the_clients_hop_ends_here(name: bytes) -> None:
    assert headers(rewritten((name, b"x"))) == [(b"Host", b"shop.example"), NAMED]


def test_what_connection_names_ends_here() -> None:
    lines = ((b"Connection", b"x-hop, close"), (b"X-Hop", b"1"), (b"X-End", b"2"))
    assert headers(rewritten(*lines))[1:] == [(b"X-End", b"2"), NAMED]


@pytest.mark.parametrize("name", [b"X-Forwarded-For", b"Forwarded"])
def test_what_a_proxy_in_front_said_is_not_removed_for_a_client(name: bytes) -> None:
    request = rewritten((b"Connection", name.lower()), (name, b"192.0.2.1"))
    assert (name, b"192.0.2.1") in headers(request)


@pytest.mark.parametrize("name", [b"Host", b"content-length", b"Transfer-Encoding"])
def test_connection_cannot_take_the_framing_or_the_host(name: bytes) -> None:
    assert status((b"Connection", name)) == 400


def test_framing_is_said_once() -> None:
    request = rewritten((b"Content-Length", b"5"), method="POST")
    assert (b"Content-Length", b"5") in headers(request)
    request = rewritten((b"transfer-encoding", b"Chunked"), method="POST")
    assert headers(request)[-2:] == [(b"Transfer-Encoding", b"chunked"), NAMED]


def test_a_last_request_says_so() -> None:
    assert (b"Connection", b"close") in headers(rewritten(last=True))


def test_http_1_0_becomes_1_1() -> None:
    request = rewritten(
        (b"Expect", b"100-continue"), version=b"1.0", host=None, last=True
    )
    assert request.http_version == b"1.1"
    assert headers(request) == [
        (b"Host", b""),
        (b"Connection", b"close"),
        NAMED,
    ]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("http://shop.example/a?b", b"/a?b"),
        ("http://SHOP.example", b"/"),
        ("HTTP://shop.example?b=/c", b"/?b=/c"),
        ("//elsewhere/a", b"//elsewhere/a"),
    ],
)
def test_a_node_is_asked_for_a_path(target: str, path: bytes) -> None:
    assert rewritten(target=target).target == path


def test_a_url_names_the_host_where_http_1_0_does_not() -> None:
    request = rewritten(target="http://shop.example/", version=b"1.0", host=None)
    assert headers(request)[0] == (b"Host", b"shop.example")


def test_a_url_without_a_proper_host_is_400() -> None:
    with pytest.raises(RequestError) as caught:
        rewritten(target="http://u@shop.example/", version=b"1.0", host=None)
    assert caught.value.status == 400


def test_options_may_be_about_everything() -> None:
    assert rewritten(method="OPTIONS", target="*").target == b"*"


def status(
    *lines: tuple[bytes, bytes],
    method: str = "GET",
    target: str = "/",
    version: bytes = b"1.1",
    host: bytes = b"shop.example",
) -> HTTPStatus:
    with pytest.raises(RequestError) as caught:
        rewritten(*lines, method=method, target=target, version=version, host=host)
    return caught.value.status


@pytest.mark.parametrize(
    "target",
    [
        *("*", "shop.example:80", "http://other.example/", "https://shop.example/"),
        *("/#", "http://u@shop.example/", "http:///", "path", "?query"),
    ],
)
def test_a_doubtful_target_is_400(target: str) -> None:
    assert status(target=target) == 400


@pytest.mark.parametrize(
    "host",
    [b"a b", b"a,b", b"a/b", b"a@b", b"[::1", b"::1", b"a:b", b"a:123456", b"\xe9"],
)
def test_a_host_that_is_none_is_400(host: bytes) -> None:
    assert status(host=host) == 400


@pytest.mark.parametrize(
    "host", [b"", b"a", b"a_b.c:80", b"[2001:db8::1]:443", b"192.0.2.1:", b"xn--a%41"]
)
def test_a_host_that_is_one_passes(host: bytes) -> None:
    assert headers(rewritten(host=host))[0] == (b"Host", host)


@pytest.mark.parametrize("version", [b"0.9", b"1.2", b"2.0"])
def test_another_version_is_505(version: bytes) -> None:
    assert status(version=version) == 505


def test_chunks_are_not_for_http_1_0() -> None:
    assert status((b"Transfer-Encoding", b"chunked"), version=b"1.0") == 400


@pytest.mark.parametrize(
    "lines",
    [
        [(b"Upgrade", b"websocket"), (b"Connection", b"Upgrade")],
        [(b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAABk")],
        [(b"Trailer", b"X-Cluster-Client-Ip")],
    ],
)
def test_what_is_not_supported_is_501(lines: Lines) -> None:
    assert status(*lines) == 501


def test_a_tunnel_is_501() -> None:
    assert status(method="CONNECT", target="shop.example:443") == 501
