"""survey.py: what each kind of listener is found to do, by talking to one."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Collection

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import DecodeError, EncodeError
from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Came
from sslmagic.probe.claim import Claims
from sslmagic.probe.finding import Severity, findings
from sslmagic.probe.interview import MOST, Limits
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance, Trial
from sslmagic.probe.survey import Survey
from sslmagic.probe.verdict import verdict
from sslmagic.wire import FORMATS
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import (
    LIMITS,
    PATIENCE,
    Script,
    Server,
    listening,
    page,
    target,
)

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HASTY = Limits(answer=0.2, patience=0.05, pause=0.0, late=0.0, gap=0.0, between=0.0)
"""Where silence is heard often, and nothing that is measured."""


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


@pytest.fixture(scope="module")
def requiring(tls: ssl.SSLContext) -> Report:
    """A server behind TLS that requires any preamble, as all questions find it."""
    return survey(Server(tls=tls))


def survey(
    script: Script,
    *,
    formats: tuple[str, ...] = FORMATS,
    limits: Limits = LIMITS,
    heard: list[Trial] | None = None,
    source: str | None = "127.0.0.9",
) -> Report:
    with listening(script) as address:
        return Survey(
            target(address),
            request=REQUEST,
            formats=formats,
            limits=limits,
            source=source,
            heard=None if heard is None else heard.append,
        ).run()


def only(report: Report) -> FormatReport:
    (one,) = report.formats
    return one


def refusing(connection: socket.socket) -> None:
    """Ends every connection before it reads."""


def closing(connection: socket.socket) -> None:
    """Ends every connection once it has read, whatever it was."""
    connection.recv(65536)


def test_a_server_that_requires_a_preamble_in_front_of_tls(
    tls: ssl.SSLContext,
) -> None:
    report = survey(Server(tls=tls, formats=("magic", "proxy2")))
    assert report.speaks is None
    assert report.stopped is None
    assert report.source == "127.0.0.9"
    magic, proxy1, proxy2 = report.formats
    assert proxy1.stance is Stance.REFUSED
    assert list(proxy1.trials) == ["whole"]
    for one in (magic, proxy2):
        assert (one.stance, one.behind) == (Stance.REQUIRED, Speech.TLS)
        assert one.belief is Belief.BELIEVED
        taken = {name: trial.taken for name, trial in one.trials.items()}
        assert taken == {
            "whole": True,
            "halves": True,
            "octets": True,
            "late": True,
            "local": True,
            "bad_checksum": False,
            "checksum": True,
            "nested": False,
            "loopback": True,
            "clear": False,
        }
        assert one.trials["loopback"].belief is Belief.BELIEVED


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


def test_a_redirect_in_clear_serves_nothing(tls: ssl.SSLContext) -> None:
    def redirecting(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) != b"P":
            return
        while (octet := connection.recv(1)) and octet != b"\n":
            pass
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            Server(tls=tls, optional=True)(connection)
        elif connection.recv(65536):
            connection.sendall(page("", "301 Moved Permanently"))

    one = only(survey(redirecting, formats=("proxy1",), limits=HASTY))
    assert one.taken("whole")
    assert one.taken("clear") is False


def test_one_that_reads_but_once(tls: ssl.SSLContext) -> None:
    server = Server(tls=tls, whole=True)
    limits = Limits(answer=1.0, patience=0.1, pause=0.0, late=0.02, between=0.02)
    one = only(survey(server, formats=("magic",), limits=limits))
    assert one.taken("whole")
    assert (one.taken("halves"), one.taken("octets")) == (False, False)


def test_one_that_does_not_check(tls: ssl.SSLContext) -> None:
    one = only(survey(Server(tls=tls, checks=False), formats=("magic",)))
    assert one.taken("bad_checksum")
    # Then a right one tells nothing more.
    assert "checksum" not in one.trials


def test_one_that_believes_a_second_preamble(tls: ssl.SSLContext) -> None:
    one = only(survey(Server(tls=tls, preambles=2), formats=("proxy2",)))
    nested = one.trials["nested"]
    assert (nested.taken, nested.belief, nested.last) == (True, Belief.BELIEVED, True)


def test_a_server_without_preambles(tls: ssl.SSLContext) -> None:
    report = survey(Server(tls=tls, formats=("magic",), optional=True), formats=())
    assert (report.speaks, report.formats) == (Speech.TLS, ())

    def plain(connection: socket.socket) -> None:
        with tls.wrap_socket(connection, server_side=True) as stream:
            stream.recv(65536)
            stream.sendall(page(""))

    report = survey(plain)
    assert report.speaks is Speech.TLS
    for one in report.formats:
        assert one.stance is Stance.REFUSED
        assert one.trials["whole"].answer.came in (Came.ALERT, Came.CLOSED, Came.RESET)
    assert report.silent is not None
    assert report.half is None


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


def test_a_proxy_whose_server_refuses_has_not_served(tls: ssl.SSLContext) -> None:
    """As hitch does, which passes the preamble on and takes TLS off meanwhile."""
    behind = Server(tls=tls)

    def hitch(connection: socket.socket) -> None:
        first = connection.recv(65536, socket.MSG_PEEK)
        if b"\x03\x00\x04" in first:
            # A checksum: the server behind will have none, once TLS is up.
            connection.recv(31)
            with tls.wrap_socket(connection, server_side=True):
                return
        behind(connection)

    one = only(survey(hitch, formats=("magic",)))
    refused = one.trials["bad_checksum"]
    assert (refused.answer.came, refused.taken) == (Came.TLS, False)


def test_a_server_that_speaks_first_shows_nothing() -> None:
    def greeting(connection: socket.socket) -> None:
        connection.sendall(b"220 mail.example\r\n")
        while connection.recv(65536):
            pass

    report = survey(greeting)
    assert report.speaks is Speech.FIRST
    assert {one.stance for one in report.formats} == {Stance.UNKNOWN}
    assert len(report.trials) == 3


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


HANDSHAKE_FAILURE = bytes.fromhex("15 03 03 00 02 02 28")


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


@pytest.mark.parametrize(
    ("connections", "formats", "said"),
    [
        (1, [], "Too little was asked"),
        (2, [], "Too little was asked"),
        (3, [], "Too little was asked"),
        # TLS behind MAGIC was tried, and HTTP was not.
        (4, [], "Too little was asked"),
        (5, ["magic"], "Requires MAGIC from you"),
    ],
)
def test_what_was_not_asked_to_its_end_is_not_concluded(
    connections: int, formats: list[str], said: str
) -> None:
    limits = dataclasses.replace(HASTY, connections=connections)
    report = survey(Server(), limits=limits)
    assert [one.format for one in report.formats] == formats
    assert verdict(report).startswith(said)


def test_an_answer_for_which_no_time_was_left_is_none(tls: ssl.SSLContext) -> None:
    asked = threading.Event()

    def slow(connection: socket.socket) -> None:
        if connection.recv(1, socket.MSG_PEEK) == b"\x16":
            Server(tls=tls, optional=True)(connection)
        else:
            asked.set()
            connection.recv(65536)
            # It would answer, if it were waited for.
            connection.recv(65536)

    limits = Limits(timeout=0.5, answer=PATIENCE, patience=PATIENCE)
    report = survey(slow, limits=limits)
    assert asked.is_set()
    assert report.stopped == "0.5 s were over"
    assert report.formats == ()
    assert report.trials[-1].answer.came is Came.SILENCE
    assert verdict(report).startswith("Speaks TLS at once; no preamble")


def test_one_that_minds_the_request_speaks_http_all_the_same() -> None:
    def picky(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(page("", "400 Bad Request"))

    report = survey(picky)
    assert report.speaks is Speech.HTTP
    assert {one.stance for one in report.formats} == {Stance.REFUSED}


@pytest.mark.parametrize("status", ["403 Forbidden", "500 Oh"])
def test_a_status_that_is_none_of_the_page_is_a_refusal(status: str) -> None:
    def forbidding(connection: socket.socket) -> None:
        first = connection.recv(65536)
        connection.sendall(page("") if first.startswith(b"GET") else page("", status))

    one = only(survey(forbidding, formats=("proxy1",)))
    assert one.stance is Stance.REFUSED


def test_whoever_may_not_connect_is_turned_away() -> None:
    report = survey(refusing)
    assert report.turns_away
    assert report.reads_nothing
    assert report.takes == ()


def test_who_waits_for_the_rest_turns_nobody_away() -> None:
    def waiting(connection: socket.socket) -> None:
        while (octets := connection.recv(65536)) and b"\r\n" not in octets:
            pass

    report = survey(waiting, formats=("proxy1",), limits=HASTY)
    assert not report.turns_away
    assert only(report).trials["half"].answer.came is Came.SILENCE


def silent(connection: socket.socket) -> None:
    """Reads, and has no answer."""
    while connection.recv(65536):
        pass


def slow(script: Script, *numbers: int, instead: Script = silent) -> Script:
    """The same, but that some connections, counted from 1, get something else."""
    count = itertools.count(1)

    def served(connection: socket.socket) -> None:
        (instead if next(count) in numbers else script)(connection)

    return served


@pytest.mark.parametrize("name", ["tls", "http"])
def test_a_first_answer_that_was_lost_concludes_nothing(
    tls: ssl.SSLContext, name: str
) -> None:
    server = Server(tls=tls if name == "tls" else None, optional=True)
    lost = slow(server, 1 if name == "tls" else 2)
    report = survey(lost, formats=("proxy2",), limits=HASTY)
    assert [again.question.name for _, again in report.unsteady] == [f"{name} again"]
    assert (only(report).stance, report.takes) == (Stance.UNKNOWN, ())
    assert "got no answer, then" in verdict(report)
    assert {one.severity for one in findings(report)} <= {Severity.NOTE}


def test_a_whole_preamble_whose_answer_was_lost_is_not_refused(
    tls: ssl.SSLContext,
) -> None:
    lost = slow(Server(tls=tls, optional=True), 2)
    report = survey(lost, formats=("proxy2",), limits=HASTY)
    assert not report.unsteady
    assert only(report).is_unsteady
    assert only(report).stance is Stance.UNKNOWN
    assert "Answers PROXY v2 otherwise when it is asked again" in verdict(report)
    assert {one.severity for one in findings(report)} <= {Severity.NOTE}


def test_variations_fail_for_sure_only_if_the_whole_is_taken_again(
    tls: ssl.SSLContext,
) -> None:
    # tls, http, silent, whole, then the variations; the connections after are the rest.
    server = Server(tls=tls, formats=("proxy2",))
    fault = slow(server, 5, instead=closing)
    report = survey(fault, formats=("proxy2",), limits=HASTY)
    assert only(report).taken("halves") is False
    assert only(report).taken("again")
    assert only(report).stance is Stance.REQUIRED
    ended = slow(server, *range(5, MOST), instead=closing)
    report = survey(ended, formats=("proxy2",), limits=HASTY)
    assert only(report).stance is Stance.UNKNOWN


def test_who_answers_alike_again_is_steady(tls: ssl.SSLContext) -> None:
    report = survey(Server(tls=tls, optional=True), formats=(), limits=HASTY)
    assert [again.question.name for _, again in report.again] == ["tls again"]
    assert not report.unsteady


def test_how_long_it_waits(tls: ssl.SSLContext) -> None:
    def deadline(connection: socket.socket) -> None:
        connection.settimeout(0.1)
        Server(tls=tls)(connection)

    limits = Limits(answer=1.0, patience=2.0, pause=0.0, late=0.02, between=0.0)
    report = survey(deadline, formats=("magic",), limits=limits)
    for trial in (report.silent, report.half, report.after):
        assert trial is not None
        assert trial.answer.ended
        assert 0.05 < trial.answer.lasted < 1.5


def test_the_longest_run_is_bounded() -> None:
    """None without a client, and an alert behind each: everything is asked again."""

    def script(connection: socket.socket) -> None:
        octets, decoder = connection.recv(65536), Decoder(FORMATS)
        with contextlib.suppress(DecodeError):
            preamble = decoder.feed(octets)
            if preamble is None or preamble.source is None:
                return
            number = b"\x70" if decoder.rest[:1] == b"\x16" else b"\x0a"
            connection.sendall(HANDSHAKE_FAILURE[:-1] + number)

    report = survey(script, limits=HASTY)
    assert {one.stance for one in report.formats} == {Stance.REQUIRED}
    assert all(
        {"again", "control", "clear"} <= set(one.trials) for one in report.formats
    )
    assert report.stopped is None
    assert len(report.trials) <= MOST


@pytest.mark.parametrize("connections", [1, 2, 3, 4, 9])
def test_no_more_connections_than_it_may_make(connections: int) -> None:
    limits = Limits(connections=connections, answer=1.0, patience=0.1, pause=0.0)
    heard: list[Trial] = []
    report = survey(closing, limits=limits, heard=heard)
    assert report.stopped == f"{connections} connections were made"
    assert list(report.trials) == heard
    assert verdict(report)
    assert len(heard) == connections


def test_no_longer_than_it_may_take() -> None:
    limits = Limits(timeout=0.2, answer=5.0, patience=5.0)
    began = time.monotonic()
    report = survey(silent, limits=limits)
    assert time.monotonic() - began < PATIENCE
    assert report.stopped == "0.2 s were over"


def test_it_stops_when_nobody_listens_any_more() -> None:
    with listening(closing) as address:
        pass
    report = Survey(target(address), request=REQUEST, limits=LIMITS).run()
    assert not report.is_reachable
    assert len(report.trials) == 1
    assert report.stopped is not None


def test_it_asks_with_one_connection_at_a_time(requiring: Report) -> None:
    """The scripted listener accepts one after the other, and none is given up."""
    failed = [one for one in requiring.trials if one.answer.came is Came.UNREACHABLE]
    assert failed == []


def test_it_sends_one_request_and_nothing_else(tls: ssl.SSLContext) -> None:
    """Whatever is sent is a preamble, a ClientHello or the request."""
    said: list[bytes] = []

    def recording(connection: socket.socket) -> None:
        octets = connection.recv(65536)
        said.append(octets)
        with contextlib.suppress(OSError):
            while part := connection.recv(65536):
                said[-1] += part

    limits = Limits(answer=0.02, patience=0.02, pause=0.0)
    heard: list[Trial] = []
    survey(recording, limits=limits, heard=heard)
    for octets, trial in zip(said, heard, strict=True):
        question = trial.question
        assert octets.startswith(question.preamble)
        rest = octets[len(question.preamble) :]
        match question.then:
            case Then.TLS:
                assert rest[:1] == b"\x16"
            case Then.HTTP:
                assert rest == REQUEST
            case Then.NOTHING:
                assert rest == b""


def test_a_run_claims_neither_its_own_address_nor_the_listeners() -> None:
    avoided: list[set[str]] = []

    class Recording(Claims):
        def client(self, avoid: Collection[str] = ()) -> Endpoint:
            avoided.append(set(avoid))
            return super().client(avoid)

    with listening(closing) as address:
        Survey(
            target(address),
            request=REQUEST,
            limits=LIMITS,
            source="127.0.0.9",
            claims=Recording(),
        ).run()
    assert avoided
    assert all(each == {"127.0.0.1", "127.0.0.9"} for each in avoided)


def test_a_format_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(EncodeError):
        survey(refusing, formats=("proxy3",))


def test_questions_have_names_of_their_own(requiring: Report) -> None:
    questions: list[Question] = [one.question for one in requiring.trials]
    assert len({question.name for question in questions}) == len(questions)
