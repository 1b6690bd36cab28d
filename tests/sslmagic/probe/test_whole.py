"""whole.py: which whole preambles are taken, and which answers show it."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable

import pytest

from sslmagic.probe.finding import Severity, findings
from sslmagic.probe.report import Belief, Speech, Stance
from sslmagic.probe.verdict import verdict
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import Server, page
from tests.sslmagic.probe.surveyed import HANDSHAKE_FAILURE, HASTY, only, survey


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


def test_a_server_in_clear(tls: ssl.SSLContext) -> None:
    one = only(survey(Server(formats=("proxy1",)), formats=("proxy1",), limits=HASTY))
    assert (one.stance, one.behind) == (Stance.REQUIRED, Speech.HTTP)
    assert one.belief is Belief.BELIEVED
    assert "clear" not in one.trials


def test_one_that_takes_it_or_leaves_it(tls: ssl.SSLContext) -> None:
    report = survey(Server(tls=tls, optional=True), formats=("proxy2",))
    assert report.speaks is Speech.TLS
    assert only(report).stance is Stance.ACCEPTED
    assert only(report).belief is Belief.BELIEVED


def test_one_that_takes_it_and_goes_on_with_the_peer(tls: ssl.SSLContext) -> None:
    server = Server(tls=tls, optional=True, believes=False)
    one = only(survey(server, formats=("proxy2",)))
    assert (one.stance, one.belief) == (Stance.ACCEPTED, Belief.OWN)
    server = Server(tls=tls, believes=False)
    one = only(survey(server, formats=("proxy2",)))
    assert (one.stance, one.belief) == (Stance.REQUIRED, Belief.OWN)


def test_a_server_in_clear_that_skips_what_it_does_not_know_believes_nothing() -> None:
    def lenient(connection: socket.socket) -> None:
        if b"\r\n\r\n" in connection.recv(65536):
            connection.sendall(page("hello"))

    report = survey(lenient, limits=HASTY)
    assert report.speaks is Speech.HTTP
    for one in report.formats:
        assert (one.stance, one.belief) == (Stance.IGNORED, Belief.NOT_SHOWN)
        assert list(one.trials) == ["whole", "control"]
    assert {one.severity for one in findings(report)} <= {Severity.NOTE}


def test_a_server_in_clear_that_reads_it_and_shows_nothing_has_taken_it() -> None:
    def reading(connection: socket.socket) -> None:
        octets = connection.recv(65536)
        if octets.startswith(b"PROXY "):
            octets = octets.partition(b"\r\n")[2]
        served = octets.startswith(b"GET ")
        status = "404 Not Found" if served else "400 Bad Request"
        connection.sendall(page("", status))

    one = only(survey(reading, formats=("proxy1",), limits=HASTY))
    assert (one.stance, one.belief) == (Stance.ACCEPTED, Belief.NOT_SHOWN)


def test_one_that_forbids_everything_shows_nothing() -> None:
    def forbidding(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(page("no", "403 Forbidden"))

    report = survey(forbidding, formats=("proxy1", "proxy2"), limits=HASTY)
    assert report.takes == ()
    assert {one.stance for one in report.formats} == {Stance.UNKNOWN}
    assert verdict(report).startswith("What it makes of PROXY v1 or PROXY v2 does not")
    assert {one.severity for one in findings(report)} <= {Severity.NOTE}


def test_one_that_speaks_first_behind_a_preamble() -> None:
    server = Server(formats=("proxy2",), greeting=b"220 mail.example\r\n")
    one = only(survey(server, formats=("proxy2",)))
    assert (one.stance, one.behind) == (Stance.REQUIRED, Speech.FIRST)


def echo(connection: socket.socket, octets: bytes) -> None:
    connection.sendall(octets)


def every_line_is_wrong(connection: socket.socket, octets: bytes) -> None:
    """As memcached has it."""
    connection.sendall(b"ERROR\r\n" * octets.count(b"\n"))


def no_such_command(connection: socket.socket, octets: bytes) -> None:
    """As Redis has it, which repeats every word."""
    for line in filter(None, map(bytes.split, octets.splitlines())):
        words = b" ".join(b"'%b'" % word for word in line[1:])
        connection.sendall(b"-ERR unknown command '%b': %b\r\n" % (line[0], words))


@pytest.mark.parametrize("answer", [echo, every_line_is_wrong, no_such_command])
def test_who_answers_anything_takes_nothing(
    answer: Callable[[socket.socket, bytes], None],
) -> None:
    def script(connection: socket.socket) -> None:
        while octets := connection.recv(65536):
            answer(connection, octets)

    report = survey(script, formats=("proxy1", "proxy2"), limits=HASTY)
    assert {one.stance for one in report.formats} == {Stance.REFUSED}
    assert {one.belief for one in report.formats} == {Belief.NOT_SHOWN}
    for one in report.formats:
        assert not any(one.taken(name) for name in one.trials if name != "control")


@pytest.mark.parametrize("serves", [True, False])
def test_who_answers_anything_with_an_alert_takes_nothing(
    tls: ssl.SSLContext, serves: bool
) -> None:
    """Whether that is all it ever says, or TLS without a preamble is served."""

    def script(connection: socket.socket) -> None:
        if serves and connection.recv(1, socket.MSG_PEEK) == b"\x16":
            Server(tls=tls, optional=True)(connection)
        elif connection.recv(65536):
            connection.sendall(HANDSHAKE_FAILURE)

    report = survey(script, limits=HASTY)
    assert report.speaks is Speech.TLS
    assert {one.stance for one in report.formats} == {Stance.REFUSED}


def test_who_wants_another_server_name_shows_it_by_its_alert() -> None:
    """It understands a ClientHello, and octets that are neither it does not."""

    def script(connection: socket.socket) -> None:
        octets = connection.recv(65536)
        if octets.startswith(b"PROXY "):
            octets = octets.partition(b"\r\n")[2]
        number = b"\x70" if octets[:1] == b"\x16" else b"\x0a"
        connection.sendall(HANDSHAKE_FAILURE[:-1] + number)

    report = survey(script, formats=("proxy1", "proxy2"), limits=HASTY)
    assert [one.stance for one in report.formats] == [Stance.ACCEPTED, Stance.REFUSED]


def test_a_server_hello_that_anything_gets_shows_no_preamble() -> None:
    """The handshake is never complete, so that nothing proves who is understood."""

    def canned(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(bytes.fromhex("16 03 03 00 05 02 00 00 01 00"))

    report = survey(canned, limits=HASTY)
    assert report.speaks is Speech.TLS
    assert {one.stance for one in report.formats} == {Stance.IGNORED}
    assert {one.severity for one in findings(report)} <= {Severity.NOTE}


def test_who_wants_a_certificate_says_so_behind_a_preamble(
    tls: ssl.SSLContext, authority: Authority
) -> None:
    context = authority.server()
    context.verify_mode = ssl.CERT_REQUIRED
    report = survey(Server(tls=context), formats=("proxy2",), limits=HASTY)
    assert only(report).stance is Stance.REQUIRED
    assert only(report).trials["whole"].answer.wants_certificate
    assert "a client's certificate" in verdict(report)


@pytest.mark.parametrize("status", ["403 Forbidden", "500 Oh"])
def test_a_status_that_is_none_of_the_page_is_a_refusal(status: str) -> None:
    def forbidding(connection: socket.socket) -> None:
        first = connection.recv(65536)
        connection.sendall(page("") if first.startswith(b"GET") else page("", status))

    one = only(survey(forbidding, formats=("proxy1",)))
    assert one.stance is Stance.REFUSED


def test_a_preamble_within_tls_counts_only_if_it_is_believed(
    tls: ssl.SSLContext,
) -> None:
    def within(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as stream:
            octets = stream.recv(65536)
            shown = octets.split()[2] if octets.startswith(b"PROXY ") else b"nobody"
            stream.sendall(page(shown.decode()))

    report = survey(within, formats=("proxy1", "proxy2"))
    proxy1, proxy2 = report.formats
    assert proxy1.trials["inside"].taken
    assert not proxy2.trials["inside"].taken
    assert (proxy1.stance, proxy1.behind) == (Stance.REFUSED, None)
