"""Requests of one client in turn, and every way in which one can end."""

from __future__ import annotations

import hashlib
import socket
import threading

import pytest

from sslmagic.relay.http.limits import HttpLimits
from sslmagic.relay.limits import Limits
from tests.sslmagic.relay.harness import (
    Running,
    closed_address,
    is_closed,
    receive,
    reset,
    rest,
)
from tests.sslmagic.relay.http.talk import GET, OK, head, http, serving, until

POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_request_goes_to_the_node_and_its_answer_comes_back() -> None:
    with serving() as (relay, backend):
        with relay.client(GET) as client, backend.accept() as node:
            request = head(node)
            assert b"X-Cluster-Client-Ip: 127.0.0.1\r\n" in request
            node.sendall(OK)
            assert receive(client, len(OK)) == OK
        relay.until(closed=1)
        assert relay.counts() == {
            "accepted": 1,
            "joined": 1,
            "closed": 1,
            "requests": 1,
        }


def test_one_node_connection_serves_one_client() -> None:
    with serving() as (relay, backend), relay.client() as one, relay.client() as other:
        for client in (one, other):
            client.sendall(GET)
            with backend.accept() as node:
                for _ in range(3):
                    head(node)
                    node.sendall(OK)
                    assert receive(client, len(OK)) == OK
                    client.sendall(GET)
                head(node)
        assert relay.counts()["joined"] == 2


def test_requests_in_a_row_are_answered_in_order_and_asked_one_at_a_time() -> None:
    with serving() as (relay, backend):
        requests = [GET.replace(b"/ ", b"/%d " % n) for n in range(20)]
        with relay.client(b"".join(requests)) as client, backend.accept() as node:
            for number in range(20):
                assert head(node).startswith(b"GET /%d " % number)
                answer = OK.replace(b"hi", b"%02d" % number)
                node.sendall(answer)
                assert receive(client, len(OK)) == answer


@pytest.mark.parametrize("end", ["fin", "reset", "unasked"])
def test_a_node_that_left_between_requests_is_replaced(end: str) -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        node = backend.accept()
        head(node)
        node.sendall(OK)
        receive(client, len(OK))
        if end == "reset":
            reset(node)
        elif end == "fin":
            node.close()
        else:
            # An answer to nothing must not become the answer to the next request.
            node.sendall(OK.replace(b"hi", b"no"))
        relay.when(lambda: relay.counters.total()["octets_down"] >= len(OK))
        client.sendall(GET)
        with backend.accept() as second:
            head(second)
            second.sendall(OK)
            assert receive(client, len(OK)) == OK
        node.close()
        assert relay.counts()["joined"] == 2


def test_a_node_that_says_too_much_is_replaced() -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK + OK.replace(b"hi", b"no"))
            assert receive(client, len(OK)) == OK
        client.sendall(GET)
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert receive(client, len(OK)) == OK


def test_a_request_is_not_sent_twice() -> None:
    """A kept node that ends without a word leaves it to the client to ask again."""
    with serving() as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            receive(client, len(OK))
            client.sendall(GET)
            head(node)
        assert is_closed(client)
        relay.until(node_reset=1)
        assert relay.counts()["joined"] == 1


def test_a_new_node_that_ends_without_a_word_is_502() -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
        assert status(rest(client)) == 502
        assert relay.counts()["answered_502"] == 1


def test_no_node_is_502() -> None:
    with Running(http(closed_address())) as relay, relay.client(GET) as client:
        answer = rest(client)
        assert status(answer) == 502
        assert answer.endswith(b"no node could be reached\n")
        relay.until(connect_failed=1, answered_502=1)
        assert "no node for 127.0.0.1" in relay.said()


def test_head_is_answered_without_a_body() -> None:
    request = GET.replace(b"GET", b"HEAD")
    with Running(http(closed_address())) as relay, relay.client(request) as client:
        assert rest(client).endswith(b"\r\n\r\n")


def test_an_answer_that_is_none_is_502() -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(b"SSH-2.0-OpenSSH\r\n\r\n")
            assert status(rest(client)) == 502
            assert is_closed(node)


@pytest.mark.parametrize("how", ["fin", "reset", "nonsense"])
def test_an_answer_that_breaks_off_ends_in_a_reset(how: str) -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        node = backend.accept()
        head(node)
        node.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
        until(client, b"1\r\nx\r\n")
        if how == "reset":
            reset(node)
        elif how == "fin":
            node.close()
        else:
            node.sendall(b"nonsense\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        relay.until(node_reset=1)
        node.close()


def test_a_body_up_to_a_reset_is_not_taken_for_whole() -> None:
    with serving() as (relay, backend):
        with relay.client(b"GET / HTTP/1.0\r\n\r\n") as client:
            node = backend.accept()
            head(node)
            node.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
            until(client, b"half")
            reset(node)
            with pytest.raises(ConnectionResetError):
                client.recv(1)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\nY: b\r\n\r\n", 400),
        (b"\x16\x03\x01", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, 431),
        (GET.replace(b"1.1", b"2.0"), 505),
        (GET.replace(b"GET /", b"CONNECT x:1"), 501),
        (CHUNKED + b"x\r\n", 400),
        (CHUNKED + b"0\r\nX: y\r\n\r\n", 501),
    ],
)
def test_what_is_refused_is_answered_and_reaches_nobody(
    octets: bytes, code: int
) -> None:
    with serving() as (relay, backend), relay.client(octets) as client:
        client.shutdown(socket.SHUT_WR)
        answer = rest(client)
        assert status(answer) == code
        assert b"Connection: close\r\n" in answer
        relay.until(closed=1)
        assert relay.counts()[f"answered_{code}"] == 1
        assert "joined" not in relay.counts()
        backend.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            backend.socket.accept()


def test_a_refusal_arrives_although_the_client_goes_on() -> None:
    """Closing at once would reset the connection, and take the answer back."""
    with serving() as (relay, _), relay.client(b"NO\r\n\r\n") as client:
        client.sendall(b"x" * 1000000)
        client.shutdown(socket.SHUT_WR)
        assert status(rest(client)) == 400
        relay.until(closed=1)


def test_a_client_that_does_not_stop_is_left_after_a_while() -> None:
    with serving() as (relay, _), relay.client(b"NO\r\n\r\n") as client:
        relay.when(lambda: bool(relay.server.lingering))
        relay.server.lingering.run(float("inf"))
        relay.until(closed=1)
        assert status(rest(client)) == 400


@pytest.mark.parametrize("body", [b"z\r\n", b"0\r\nX: y\r\n\r\n"])
def test_a_body_that_goes_wrong_resets_the_node(body: bytes) -> None:
    with serving() as (relay, backend), relay.client(CHUNKED + b"1\r\nx\r\n") as client:
        with backend.accept() as node:
            until(node, b"1\r\nx\r\n")
            client.sendall(body)
            assert status(rest(client)) in (400, 501)
            with pytest.raises(ConnectionResetError):
                node.recv(1)


def test_a_body_that_goes_wrong_under_an_answer_resets_both() -> None:
    with serving() as (relay, backend), relay.client(CHUNKED) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            head(client)
            client.sendall(b"z\r\n")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
            with pytest.raises(ConnectionResetError):
                node.recv(1)


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_client_that_leaves_its_request_resets_the_node(how: str) -> None:
    with serving() as (relay, backend):
        client = relay.client(POST % 10 + b"half")
        with backend.accept() as node:
            until(node, b"half")
            if how == "reset":
                reset(client)
            else:
                client.close()
            with pytest.raises(ConnectionResetError):
                node.recv(1)
        relay.until(client_reset=1)


def test_a_client_that_resets_while_it_waits_resets_the_node() -> None:
    with serving() as (relay, backend):
        client = relay.client(GET)
        with backend.accept() as node:
            head(node)
            reset(client)
            with pytest.raises(ConnectionResetError):
                node.recv(1)
        relay.until(client_reset=1)


def test_a_client_that_only_ended_gets_its_answer() -> None:
    with serving() as (relay, backend), relay.client(GET) as client:
        client.shutdown(socket.SHUT_WR)
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert rest(client) == OK
        relay.until(closed=1)


def test_an_early_answer_arrives_whole() -> None:
    with serving() as (relay, backend), relay.client(POST % (1 << 30)) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK.replace(b"200 OK", b"413 Too Big"))
            answer = rest_while_sending(client)
            assert status(answer) == 413
            assert b"Connection: close" in answer
            assert answer.endswith(b"hi")


def test_an_early_answer_of_a_node_that_resets_arrives_whole() -> None:
    request = POST % (1 << 30) + b"x" * 100000
    with serving() as (relay, backend), relay.client(request) as client:
        with backend.accept() as node:
            node.recv(1)
            node.sendall(OK.replace(b"200 OK", b"413 Too Big"))
            # Octets that it has not read turn its close into a reset.
        assert status(rest_while_sending(client)) == 413


def rest_while_sending(client: socket.socket) -> bytes:
    sending = threading.Event()

    def send() -> None:
        sending.set()
        try:
            for _ in range(1000):
                client.sendall(b"x" * 65536)
        except OSError:
            pass

    thread = threading.Thread(target=send)
    thread.start()
    sending.wait()
    answer = b""
    try:
        while octets := client.recv(65536):
            answer += octets
    except ConnectionResetError:
        pass
    client.close()
    thread.join()
    return answer


def test_a_client_that_waits_for_100_gets_it() -> None:
    request = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n") % 5
    with serving() as (relay, backend), relay.client(request) as client:
        with backend.accept() as node:
            assert b"Expect: 100-continue" in head(node)
            node.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert status(head(client)) == 100
            client.sendall(b"hello")
            assert receive(node, 5) == b"hello"
            node.sendall(OK)
            assert receive(client, len(OK)) == OK


def test_a_node_that_does_not_answer_is_504() -> None:
    times = HttpLimits(max_reply_time=0.05)
    with serving(times=times) as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            assert status(rest(client)) == 504
            with pytest.raises(ConnectionResetError):
                node.recv(1)
        assert relay.counts()["answered_504"] == 1


def test_a_node_has_its_time_from_the_end_of_the_request() -> None:
    times = HttpLimits(max_reply_time=0.05)
    with serving(times=times) as (relay, backend), relay.client(POST % 2) as client:
        with backend.accept() as node:
            head(node)
            client.settimeout(0.2)
            with pytest.raises(TimeoutError):
                client.recv(1)
            client.settimeout(5)
            client.sendall(b"xy")
            assert status(rest(client)) == 504
        assert relay.counts()["answered_504"] == 1


def test_a_head_that_does_not_come_in_time_is_408() -> None:
    limits = Limits(connect_timeout=0.05)
    with serving(limits=limits) as (relay, _), relay.client(GET[:-2]) as client:
        assert status(rest(client)) == 408
        relay.until(answered_408=1, connect_timeout=0)
        client.close()
        relay.until(connect_timeout=1)


def test_octets_do_not_prolong_the_time_for_a_head() -> None:
    limits = Limits(connect_timeout=0.2)
    with serving(limits=limits) as (relay, _), relay.client(b"GET /") as client:
        client.settimeout(0.01)
        answer = b""
        while not answer:
            try:
                client.sendall(b"x")
                answer = client.recv(1000)
            except TimeoutError:
                continue
        assert status(answer) == 408
        assert relay.counts()["answered_408"] == 1


def test_a_client_that_says_nothing_is_told_nothing() -> None:
    limits = Limits(connect_timeout=0.05)
    with serving(limits=limits) as (relay, _), relay.client() as client:
        assert rest(client) == b""
        relay.until(connect_timeout=1)


def test_a_client_that_asks_no_more_is_left_after_a_while() -> None:
    times = HttpLimits(keepalive_timeout=0.05)
    with serving(times=times) as (relay, backend), relay.client(GET) as client:
        with backend.accept() as node:
            head(node)
            node.sendall(OK)
            assert rest(client) == OK
            assert rest(node) == b""
        relay.until(keepalive_timeout=1)


@pytest.mark.parametrize(
    ("limits", "count"),
    [
        (Limits(timeout=0.1), "idle"),
        (Limits(max_transaction_duration=0.1), "duration"),
    ],
)
def test_an_exchange_that_rests_or_lasts_too_long_is_reset(
    limits: Limits, count: str
) -> None:
    with serving(limits=limits, sweep=0.02) as (relay, backend):
        with relay.client(GET) as client, backend.accept() as node:
            head(node)
            for connection in (client, node):
                with pytest.raises(ConnectionResetError):
                    connection.recv(1)
        relay.until(**{count: 1})


def test_a_client_that_takes_no_answer_is_left_after_a_while() -> None:
    limits = Limits(timeout=0.1)
    with serving(limits=limits, sweep=0.02) as (relay, backend):
        with relay.client(GET) as client, backend.accept() as node:
            head(node)
            node.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
            with pytest.raises(OSError, match=r"reset|pipe"):
                for _ in range(10000):
                    node.sendall(b"x" * 65536)
            relay.until(idle=1)
            del client


def test_many_small_chunks_arrive_in_few_large_ones_both_ways() -> None:
    chunks = b"1\r\nx\r\n" * 5000 + b"0\r\n\r\n"
    with serving() as (relay, backend), relay.client(CHUNKED + chunks) as client:
        with backend.accept() as node:
            request = until(node, b"\r\n0\r\n\r\n")
            assert request.count(b"x") >= 5000
            assert len(request) < 6000
            node.sendall(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks
            )
            answer = until(client, b"\r\n0\r\n\r\n")
            assert answer.count(b"x") == 5000
            assert len(answer) < 6000


@pytest.mark.parametrize("upward", [True, False])
def test_no_more_is_read_than_the_other_end_takes(upward: bool) -> None:
    size = 1 << 30
    with serving() as (relay, backend):
        with relay.client(POST % size if upward else GET) as client:
            with backend.accept() as node:
                head(node)
                if not upward:
                    node.sendall(
                        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
                    )
                    head(client)
                sender, taker = (client, node) if upward else (node, client)
                sender.settimeout(0.2)
                sent = 0
                with pytest.raises(TimeoutError):
                    while sent < size:
                        sent += sender.send(b"x" * 65536)
                # What the kernel holds on both connections, and one piece of ours.
                assert sent < 32 << 20
                assert len(receive(taker, sent)) == sent
                sender.sendall(b"end")
                assert receive(taker, 3) == b"end"


def test_a_client_that_resets_before_it_asks_is_counted_so() -> None:
    with serving() as (relay, _):
        client = relay.client(b"GET")
        relay.when(lambda: len(relay.server.heads) == 1)  # type: ignore[attr-defined]
        reset(client)
        relay.until(client_reset=1)


def test_a_client_that_resets_under_an_answer_resets_the_node() -> None:
    with serving() as (relay, backend):
        client = relay.client(GET)
        with backend.accept() as node:
            head(node)
            node.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
            head(client)
            reset(client)
            with pytest.raises(ConnectionError):
                for _ in range(1 << 14):
                    node.sendall(b"x" * 65536)
        relay.until(client_reset=1)


def test_a_node_that_answers_and_resets_while_the_request_comes_is_not_believed() -> (
    None
):
    """Without a length nobody knows whether the answer was whole."""
    with serving() as (relay, backend), relay.client(POST % (1 << 30)) as client:
        node = backend.accept()
        head(node)
        node.sendall(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        until(client, b"4\r\nhalf\r\n")
        reset(node)
        with pytest.raises(ConnectionError):
            for _ in range(1 << 14):
                client.sendall(b"x" * 65536)
        relay.until(node_reset=1)


@pytest.mark.parametrize("coding", ["length", "chunked"])
def test_bodies_arrive_whole_both_ways_with_little_held(coding: str) -> None:
    size = 8 << 20
    with serving() as (relay, backend), relay.client() as client:
        sent = hashlib.sha256(b"0123456789abcdef" * (size // 16)).digest()
        thread = threading.Thread(target=_upload, args=(client, size, coding))
        thread.start()
        with backend.accept() as node:
            stream = node.makefile("rb")
            chunked = False
            while (line := stream.readline()) != b"\r\n":
                chunked = chunked or line == b"Transfer-Encoding: chunked\r\n"
            assert chunked == (coding == "chunked")
            got = hashlib.sha256()
            for part in _chunks(stream) if chunked else [stream.read(size)]:
                got.update(part)
            assert got.digest() == sent
            thread.join()
            answer = threading.Thread(target=_answer, args=(node, size, coding))
            answer.start()
            down = client.makefile("rb")
            while down.readline() != b"\r\n":
                pass
            got = hashlib.sha256()
            for part in _chunks(down) if chunked else [down.read(size)]:
                got.update(part)
            assert got.digest() == sent
            answer.join()
        pending = relay.server.room
        assert max(pending) == 65536


def _pieces(size: int, coding: str) -> list[bytes]:
    piece = b"0123456789abcdef" * 2048
    pieces = [piece] * (size // len(piece))
    if coding == "chunked":
        pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
        pieces.append(b"0\r\n\r\n")
    return pieces


def _upload(client: socket.socket, size: int, coding: str) -> None:
    client.sendall(CHUNKED if coding == "chunked" else POST % size)
    for piece in _pieces(size, coding):
        client.sendall(piece)


def _answer(node: socket.socket, size: int, coding: str) -> None:
    framing = (
        b"Transfer-Encoding: chunked"
        if coding == "chunked"
        else b"Content-Length: %d" % size
    )
    node.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
    for piece in _pieces(size, coding):
        node.sendall(piece)


def _chunks(stream: object) -> list[bytes]:
    parts = []
    while size := int(stream.readline(), 16):  # type: ignore[attr-defined]
        parts.append(stream.read(size))  # type: ignore[attr-defined]
        assert stream.readline() == b"\r\n"  # type: ignore[attr-defined]
    assert stream.readline() == b"\r\n"  # type: ignore[attr-defined]
    return parts
