"""call.py: every way in which a listener can answer, or not."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import MOST, Came
from sslmagic.probe.call import Caller, _Line
from sslmagic.probe.question import Question, Then, octets, split
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import listening, page

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n"
HTTP = Question(name="http", words="", then=Then.HTTP, patience=2.0)
TLS = Question(name="tls", words="", patience=2.0)


def quiet(patience: float, *, to_the_end: bool = False) -> Question:
    return Question(
        name="silent",
        words="",
        then=Then.NOTHING,
        patience=patience,
        to_the_end=to_the_end,
    )


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_response_in_clear() -> None:
    def script(connection: socket.socket) -> None:
        assert connection.recv(65536) == REQUEST
        connection.sendall(page("203.0.113.9"))
        # It keeps the connection; the response says where it ends.
        connection.recv(1)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(HTTP)
    assert (heard.came, heard.status) == (Came.HTTP, 200)
    assert heard.text == page("203.0.113.9")
    assert heard.local == "127.0.0.1"
    assert not heard.ended


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (
            REQUEST,
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
        ),
        (HEAD, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        (REQUEST, b"HTTP/1.1 200 OK\r\nContent-Length: 0000000002\r\n\r\nhi"),
    ],
)
def test_a_response_ends_where_it_says(request_: bytes, response: bytes) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)
        connection.recv(1)

    with listening(script) as address:
        heard = Caller(address=address, request=request_).ask(HTTP)
    assert heard.text == response
    assert not heard.ended


def test_a_response_without_a_length_ends_with_the_connection() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n203.0")
        connection.sendall(b".113.9")

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(HTTP)
    assert heard.text.endswith(b"203.0.113.9")
    assert heard.ended


def test_a_length_that_is_no_number_says_no_end() -> None:
    """As many digits as no integer is made of."""
    response = b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nhi" % (b"9" * 5000)

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(HTTP)
    assert (heard.text, heard.status, heard.ended) == (response, 200, True)


@pytest.mark.parametrize("name", [".x", "a..b", "a" * 64 + ".example", ""])
def test_a_server_name_that_is_none_is_the_callers_mistake(name: str) -> None:
    with pytest.raises(ValueError, match="is no server's name"):
        Caller(address=Endpoint("127.0.0.1", 1), request=REQUEST, server_name=name)


def test_an_endless_answer_is_left() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        while True:
            connection.sendall(bytes(65536))

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(HTTP)
    assert len(heard.text) == len(heard.octets) == MOST


def test_no_more_is_taken_than_is_said() -> None:
    def script(connection: socket.socket) -> None:
        while True:
            connection.sendall(bytes(65535))

    until = time.monotonic() + 60.0
    with listening(script) as address, socket.create_connection(address) as stream:
        line = _Line(stream, until=until)
        while line.hear(until):
            pass
    assert line.heard == 1 << 20


def test_tls_and_a_request_within(authority: Authority) -> None:
    server, requests = authority.server(), list[bytes]()
    server.set_alpn_protocols(["h2", "http/1.1"])

    def script(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as stream:
            requests.append(stream.recv(65536))
            stream.sendall(page(stream.selected_alpn_protocol() or ""))

    caller_request = Question(name="proxy1 inside", words="", inside=b"PROXY ")
    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(caller_request)
    assert (heard.came, heard.version) == (Came.TLS, "TLSv1.3")
    assert heard.text == page("http/1.1")
    assert requests == [b"PROXY " + REQUEST]


def test_the_server_name_is_sent(authority: Authority) -> None:
    server, names = authority.server(), list[str | None]()

    def seen(one: object, name: str | None, context: object) -> None:
        names.append(name)

    server.sni_callback = seen

    def script(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True) as stream:
            stream.recv(65536)

    with listening(script) as address:
        for name in ("shop.example", None):
            caller = Caller(address=address, request=REQUEST, server_name=name)
            assert caller.ask(TLS).came is Came.TLS
    assert names == ["shop.example", None]


def test_a_server_hello_is_tls_even_if_nothing_comes_of_it() -> None:
    hello = bytes.fromhex("16 03 03 00 04 02 00 00 00")

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(hello)
        connection.recv(65536)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert (heard.came, heard.version) == (Came.TLS, None)
    assert heard.error


def test_an_alert(authority: Authority) -> None:
    server = authority.server()

    def script(connection: socket.socket) -> None:
        with server.wrap_socket(connection, server_side=True):
            pass

    question = Question(name="magic whole", words="", pieces=(b"\xcd\x03\x03\x00\x13",))
    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(question)
    assert heard.came is Came.ALERT
    assert (heard.octets[:1], heard.text) == (b"\x15", b"")


def test_http_in_answer_to_a_hello() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(page("", "400 Bad Request"))

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert (heard.came, heard.status) == (Came.HTTP, 400)


def test_a_close() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert (heard.came, heard.ended, heard.octets) == (Came.CLOSED, True, b"")


def test_a_reset() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        reset(connection)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert (heard.came, heard.ended) == (Came.RESET, True)


@pytest.mark.parametrize("question", [TLS, HTTP, quiet(0.05)])
def test_silence(question: Question) -> None:
    left = threading.Event()

    def script(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass
        left.set()

    caller = Question(name=question.name, words="", then=question.then, patience=0.05)
    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(caller)
        assert left.wait(5)
    assert (heard.came, heard.ended) == (Came.SILENCE, False)
    assert heard.seconds == pytest.approx(0.05, abs=0.05)


def test_a_greeting_is_heard_and_the_end_waited_for() -> None:
    heard_first = threading.Event()

    def script(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example\r\n")
        heard_first.set()

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(
            quiet(2.0, to_the_end=True)
        )
    assert heard_first.is_set()
    assert (heard.came, heard.text) == (Came.OCTETS, b"220 mail.example\r\n")
    assert heard.ended


def test_how_long_it_waits_is_measured() -> None:
    def script(connection: socket.socket) -> None:
        connection.settimeout(0.1)
        connection.recv(65536)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(
            quiet(2.0, to_the_end=True)
        )
    assert (heard.came, heard.ended) == (Came.CLOSED, True)
    assert 0.05 < heard.lasted < 1.0


@pytest.mark.parametrize("cut", [split, octets])
def test_pieces_come_in_order_with_what_follows_behind(
    cut: Callable[[bytes], tuple[bytes, ...]],
) -> None:
    received = bytearray()

    def script(connection: socket.socket) -> None:
        while not received.endswith(REQUEST):
            received.extend(connection.recv(65536))

    question = Question(
        name="magic", words="", pieces=cut(b"abcdef"), then=Then.HTTP, between=0.001
    )
    with listening(script) as address:
        Caller(address=address, request=REQUEST).ask(question)
    assert bytes(received) == b"abcdef" + REQUEST


def test_two_pieces_are_two_segments() -> None:
    first: list[bytes] = []

    def script(connection: socket.socket) -> None:
        first.append(connection.recv(65536))
        connection.sendall(b"!")

    question = Question(
        name="magic", words="", pieces=(b"abc", b"def"), then=Then.HTTP, between=5.0
    )
    with listening(script) as address:
        began = time.monotonic()
        heard = Caller(address=address, request=REQUEST).ask(question)
    # An answer ends the wait between two pieces.
    assert time.monotonic() - began < 4
    assert first == [b"abc"]
    assert heard.octets[:1] == b"!"


@pytest.mark.parametrize("then", [Then.HTTP, Then.NOTHING])
@pytest.mark.parametrize("ends", [True, False])
def test_what_comes_between_two_pieces_is_the_answer(then: Then, ends: bool) -> None:
    response = page("no", "403 Forbidden")

    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)
        while not ends and connection.recv(65536):
            pass

    question = Question(
        name="halves", words="", pieces=(b"abc", b"def"), then=then, between=5.0
    )
    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(question)
    assert (heard.text, heard.status) == (response, 403)
    assert heard.said == "HTTP 403"


def test_a_listener_that_ends_early_gets_no_more_pieces() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1)

    question = Question(name="magic", words="", pieces=octets(bytes(64)), between=5.0)
    with listening(script) as address:
        began = time.monotonic()
        heard = Caller(address=address, request=REQUEST).ask(question)
    assert time.monotonic() - began < 4
    assert heard.is_end


def test_a_delay_is_before_the_first_octet() -> None:
    waited: list[float] = []

    def script(connection: socket.socket) -> None:
        began = time.monotonic()
        connection.recv(65536)
        waited.append(time.monotonic() - began)

    question = Question(name="late", words="", then=Then.HTTP, delay=0.1)
    with listening(script) as address:
        Caller(address=address, request=REQUEST).ask(question)
    assert waited[0] > 0.05


def test_it_asks_from_where_it_is_told() -> None:
    peers: list[str] = []

    def script(connection: socket.socket) -> None:
        peers.append(connection.getpeername()[0])

    with listening(script) as address:
        caller = Caller(address=address, request=REQUEST, source="127.0.0.66")
        assert caller.ask(quiet(1.0)).local == "127.0.0.66"
    assert peers == ["127.0.0.66"]


def test_a_zone_leads_to_a_link_local_address(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def refuse(address: object, *_: object) -> socket.socket:
        asked.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", refuse)
    caller = Caller(address=Endpoint("fe80::1", 443), request=b"", zone="eth0")
    caller.ask(Question(name="silent", words=""))
    assert asked == [("fe80::1%eth0", 443)]


def _own_link_local() -> tuple[str, str] | None:
    """A link-local address of this machine, and its interface."""
    table = Path("/proc/net/if_inet6")
    rows = table.read_text("ascii").splitlines() if table.exists() else []
    for packed, *_, name in map(str.split, rows):
        if packed.startswith("fe80"):
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed)), name
    return None


@pytest.mark.skipif(_own_link_local() is None, reason="no link-local address here")
def test_a_link_local_address_is_asked() -> None:
    own = _own_link_local()
    assert own is not None
    host, name = own
    with socket.socket(socket.AF_INET6) as server:
        server.bind((host, 0, 0, socket.if_nametoindex(name)))
        server.listen()
        address = Endpoint(host, server.getsockname()[1])
        caller = Caller(address=address, request=b"", zone=name)
        question = Question(name="silent", words="", then=Then.NOTHING, patience=0.01)
        answer = caller.ask(question)
    assert (answer.came, answer.local) == (Came.SILENCE, host)


def test_nobody_listens() -> None:
    with listening(lambda connection: None) as address:
        pass
    heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert heard.came is Came.UNREACHABLE
    assert heard.error == "Connection refused"


def test_the_time_for_all_bounds_each() -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(quiet(60.0), within=0.05)
    assert heard.came is Came.SILENCE
    assert heard.lasted < 5


@pytest.mark.parametrize(
    "question",
    [HTTP, TLS, quiet(5.0, to_the_end=True)],
    ids=lambda one: one.name,
)
def test_nobody_is_made_to_send_without_end(question: Question) -> None:
    sent: list[int] = []

    def endless(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                sent.append(connection.send(bytes(65536)))

    with listening(endless) as address:
        began = time.monotonic()
        heard = Caller(address=address, request=REQUEST).ask(question)
    assert time.monotonic() - began < 4
    assert heard.came is Came.OCTETS
    assert not heard.ended
    assert len(heard.octets) <= MOST
    # What was listened to, and what the two kernels hold.
    assert sum(sent) < 32 << 20


def test_a_certificate_that_is_wanted(authority: Authority) -> None:
    context = authority.server()
    context.verify_mode = ssl.CERT_REQUIRED

    def script(connection: socket.socket) -> None:
        with contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True)

    with listening(script) as address:
        heard = Caller(address=address, request=REQUEST).ask(TLS)
    assert heard.version == "TLSv1.3"
    assert heard.wants_certificate
