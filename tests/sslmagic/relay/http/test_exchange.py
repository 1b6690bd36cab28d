"""Requests and responses through both parsers, without a socket."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.headers import claims_client
from sslmagic.relay.http.exchange import Exchange
from sslmagic.relay.http.refusal import NodeError, RequestError

CLIENT = "203.0.113.9"
GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
NAME = b"X-Cluster-Client-Ip: 203.0.113.9\r\n"


def begin(octets: bytes, client: str | None = CLIENT) -> tuple[Exchange, bytes]:
    exchange = Exchange(client)
    exchange.feed(octets)
    first = exchange.begin()
    assert first is not None
    return exchange, first


def true(exchange: Exchange) -> set[str]:
    """Return which of its answers are yes."""
    names = {
        *("asked", "heard", "answering", "answered", "upward", "downward", "holds"),
        *("awaits_continue", "node_stays", "client_stays"),
    }
    return {name for name in names if getattr(exchange, name)}


def lines(head: bytes) -> list[bytes]:
    return head.split(b"\r\n")


def test_a_request_and_its_response() -> None:
    exchange, first = begin(GET)
    assert first == b"GET /a HTTP/1.1\r\nHost: x\r\n" + NAME + b"\r\n"
    assert "asked" in true(exchange)
    assert "heard" not in true(exchange)
    back = exchange.reply(OK)
    assert back == OK
    assert (exchange.heard, exchange.answering, exchange.answered) == (True,) * 3
    assert "node_stays" in true(exchange)
    assert "client_stays" in true(exchange)


def test_requests_in_a_row_keep_their_order_and_their_own_answers() -> None:
    exchange, _ = begin(GET + GET.replace(b"/a", b"/b"))
    assert "holds" in true(exchange)
    exchange.reply(OK)
    exchange.proceed()
    second = exchange.begin()
    assert second is not None
    assert second.startswith(b"GET /b ")
    assert "holds" not in true(exchange)
    assert exchange.reply(OK) == OK


def test_an_empty_line_before_a_request_may_come_in_pieces() -> None:
    """RFC 9112 section 2.2, and the result is the same however the octets are cut."""
    exchange = Exchange(CLIENT)
    for octet in b"\r\n" + GET[:-1]:
        exchange.feed(bytes((octet,)))
        assert exchange.begin() is None
    exchange.feed(GET[-1:])
    assert exchange.begin() == begin(b"\r\n" + GET)[1]


def test_the_chunks_of_an_answer_overrule_its_length() -> None:
    exchange, _ = begin(GET)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert exchange.reply(head + b"5\r\nhello\r\n0\r\n\r\n") == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )


def test_an_octet_at_a_time_gives_the_same_request() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"5\r\nhello\r\n1;x\r\n!\r\n0\r\n\r\n"
    exchange = Exchange(CLIENT)
    sent = b""
    for octet in request + body + GET:
        exchange.feed(bytes([octet]))
        if not sent:
            sent += exchange.begin() or b""
        elif not exchange.asked:
            sent += exchange.more()
    node = h11.Connection(h11.SERVER)
    node.receive_data(sent)
    got = b""
    while not isinstance(event := node.next_event(), h11.EndOfMessage):
        if isinstance(event, h11.Data):
            got += event.data
    assert got == b"hello!"
    assert node.trailing_data == (b"", False)


def test_a_body_of_many_chunks_is_taken_in_turns_and_sent_as_few() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    exchange, sent = begin(head + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n")
    turns = 1
    while exchange.upward:
        sent += exchange.more()
        turns += 1
    assert "asked" in true(exchange)
    assert turns > 3
    assert len(sent) < 1300


def test_one_empty_line_in_front_of_a_request_is_forgiven() -> None:
    exchange, _ = begin(b"\r\n" + GET)
    assert "asked" in true(exchange)
    exchange = Exchange(CLIENT)
    exchange.feed(b"\r\n\r\n" + GET)
    with pytest.raises(RequestError):
        exchange.begin()


def test_two_empty_lines_are_refused_in_pieces_as_well() -> None:
    exchange = Exchange(CLIENT)
    with pytest.raises(RequestError):
        for octet in b"\r\n\r\n" + GET:
            exchange.feed(bytes((octet,)))
            exchange.begin()


@pytest.mark.parametrize(
    "head",
    [
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Cluster-Client-Ip : 6.6.6.6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Cluster-Client Ip: 6.6.6.6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n: 6.6.6.6\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1 \r\nHost: x\r\n\r\n",
        b"GET /\r\nHost: x\r\n\r\n",
        b"GET / http/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_the_parser_refuses_is_400(head: bytes) -> None:
    exchange = Exchange(CLIENT)
    exchange.feed(head)
    with pytest.raises(RequestError) as caught:
        exchange.begin()
    assert caught.value.status == 400
    assert caught.value.words == "the request is malformed"


def test_a_body_goes_on_as_it_comes_and_no_further_than_it_reaches() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"
    exchange, first = begin(head + b"he")
    assert first.endswith(b"\r\n\r\nhe")
    assert "asked" not in true(exchange)
    exchange.feed(b"llo" + GET)
    assert exchange.more() == b"llo"
    assert "asked" in true(exchange)
    assert "holds" in true(exchange)


def test_a_client_may_wait_for_100() -> None:
    head = b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
    exchange, first = begin(head + b"Content-Length: 5\r\n\r\n")
    assert b"Expect: 100-continue" in lines(first)
    assert "awaits_continue" in true(exchange)
    back = exchange.reply(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert back == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert "awaits_continue" not in true(exchange)
    assert "answering" not in true(exchange)
    exchange.feed(b"hello")
    assert exchange.more() == b"hello"
    assert exchange.reply(OK) == OK


def test_an_early_response_ends_the_connection() -> None:
    exchange, _ = begin(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
    back = exchange.reply(b"HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n")
    assert b"Connection: close" in lines(back)
    assert "answered" in true(exchange)
    assert "asked" not in true(exchange)
    assert "client_stays" not in true(exchange)


def test_a_worker_that_ends_says_so() -> None:
    exchange, _ = begin(GET)
    assert b"Connection: close" in lines(exchange.reply(OK, last=True))
    assert "client_stays" not in true(exchange)


def test_a_body_up_to_the_nodes_end_is_chunked_for_the_client() -> None:
    exchange, _ = begin(GET)
    back = exchange.reply(b"HTTP/1.1 200 OK\r\n\r\nhel") + exchange.reply(b"lo")
    assert "answered" not in true(exchange)
    back += exchange.reply(b"")
    assert "answered" in true(exchange)
    assert "client_stays" in true(exchange)
    assert "node_stays" not in true(exchange)
    assert b"Transfer-Encoding: chunked" in lines(back)
    assert back.endswith(b"\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")


def test_http_1_0_gets_octets_up_to_our_end_and_nothing_interim() -> None:
    exchange, first = begin(b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in lines(first)
    assert exchange.reply(b"HTTP/1.1 103 Early Hints\r\n\r\n") == b""
    back = exchange.reply(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )
    assert back == b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi"
    assert "client_stays" not in true(exchange)


@pytest.mark.parametrize(
    ("request_head", "response"),
    [
        (GET.replace(b"GET", b"HEAD"), OK[:-2]),
        (GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
        (GET, b"HTTP/1.1 204 No Content\r\n\r\n"),
    ],
)
def test_a_response_without_a_body_has_none(
    request_head: bytes, response: bytes
) -> None:
    exchange, _ = begin(request_head)
    assert exchange.reply(response) == response
    assert "answered" in true(exchange)
    assert "node_stays" in true(exchange)
    assert "client_stays" in true(exchange)


def test_trailers_of_a_response_are_left_out() -> None:
    exchange, _ = begin(GET)
    back = exchange.reply(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n"
        b"2\r\nhi\r\n0\r\nX: y\r\n\r\n"
    )
    assert back == (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    )


def test_what_a_node_says_behind_its_answer_is_nobodys() -> None:
    exchange, _ = begin(GET)
    assert exchange.reply(OK + OK) == OK
    assert "answered" in true(exchange)
    assert "node_stays" not in true(exchange)


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70000,
        b"",
    ],
)
def test_an_answer_that_is_none_is_the_nodes_fault(answer: bytes) -> None:
    exchange, _ = begin(GET)
    with pytest.raises(NodeError):
        exchange.reply(answer)
    assert "answering" not in true(exchange)


def test_what_was_understood_of_a_broken_answer_goes_first() -> None:
    exchange, _ = begin(GET)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert exchange.reply(head + b"x\r\n") == head
    assert "downward" in true(exchange)
    with pytest.raises(NodeError):
        exchange.reply()


def test_an_answer_cut_short_is_the_nodes_fault() -> None:
    exchange, _ = begin(GET)
    exchange.reply(OK[:-1])
    with pytest.raises(NodeError):
        exchange.reply(b"")
    assert "answered" not in true(exchange)


def test_an_answer_of_many_chunks_is_taken_in_turns() -> None:
    exchange, _ = begin(GET)
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    back = exchange.reply(head + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n")
    assert "downward" in true(exchange)
    assert "answered" not in true(exchange)
    while exchange.downward:
        back += exchange.reply()
    assert "answered" in true(exchange)
    assert len(back) < 1300


PIECES = st.sampled_from(
    [
        *(b"GET", b"POST", b" ", b"/", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r"),
        *(b"Host: x", b"Host: y", b"Content-Length: 5", b"Content-Length: 0", b"\t"),
        *(b"Transfer-Encoding: chunked", b"transfer_encoding: chunked", b"\x00", b":"),
        *(b"X-Cluster-Client-Ip: 6.6.6.6", b"x_cluster_client_ip:7.7.7.7", b"\xff"),
        *(b"Connection: close", b"Connection: X-Cluster-Client-Ip", b"Upgrade: h2c"),
        *(
            b"0\r\n\r\n",
            b"5\r\nhello\r\n",
            b"hello",
            b"http://x/",
            b"Expect: 100-continue",
        ),
    ]
)
TYPICAL = st.lists(
    st.sampled_from(
        [
            *(b"Host: x", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
            *(b"X-Cluster-Client-Ip: 6.6.6.6", b"x_cluster_client_ip: 7.7.7.7"),
            *(b"Connection: X-Cluster-Client-Ip, te", b"TE: trailers", b"A: b"),
        ]
    ),
    max_size=5,
).map(lambda fields: b"\r\n".join([b"POST / HTTP/1.1", b"Host: x", *fields, b"", b""]))


@given(
    st.one_of(st.lists(PIECES, max_size=24).map(b"".join), TYPICAL),
    st.binary(max_size=24),
)
def test_whatever_comes_is_refused_or_names_the_client_once(
    head: bytes, body: bytes
) -> None:
    exchange = Exchange(CLIENT)
    exchange.feed(head + body)
    try:
        first = exchange.begin()
    except RequestError:
        return
    if first is None:
        return
    node = h11.Connection(h11.SERVER)
    node.receive_data(first)
    request = node.next_event()
    assert isinstance(request, h11.Request)
    claims = [line for line in request.headers.raw_items() if claims_client(line[0])]
    assert claims == [(b"X-Cluster-Client-Ip", CLIENT.encode())]
    framing = [
        name
        for name, _ in request.headers
        if name in (b"content-length", b"transfer-encoding")
    ]
    assert len(framing) <= 1
    assert first.count(b" HTTP/1.1\r\n") >= 1
    while isinstance(event := node.next_event(), h11.Data):
        pass
    if exchange.asked:
        # One request, and nothing behind it.
        assert isinstance(event, h11.EndOfMessage)
        assert node.trailing_data == (b"", False)
    else:
        assert event is h11.NEED_DATA
