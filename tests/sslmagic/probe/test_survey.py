"""survey.py: the order of the questions, and the bounds of a run."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from sslmagic.decoder import Decoder, decode
from sslmagic.errors import DecodeError, EncodeError
from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Came
from sslmagic.probe.claim import Claims
from sslmagic.probe.interview import MOST, Limits
from sslmagic.probe.question import Question, Then
from sslmagic.probe.report import Report, Speech, Stance, Trial
from sslmagic.probe.survey import Survey
from sslmagic.probe.verdict import verdict
from sslmagic.wire import FORMATS
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import (
    LIMITS,
    PATIENCE,
    Server,
    listening,
    page,
    target,
)
from tests.sslmagic.probe.surveyed import (
    HANDSHAKE_FAILURE,
    HASTY,
    REQUEST,
    closing,
    refusing,
    silent,
    survey,
)


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


@pytest.fixture(scope="module")
def requiring(tls: ssl.SSLContext) -> Report:
    """A server behind TLS that requires any preamble, as all questions find it."""
    return survey(Server(tls=tls))


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


def test_the_time_begins_with_the_run() -> None:
    """Of several addresses, the last is given as much as the first."""
    limits = Limits(timeout=0.1, answer=PATIENCE)
    with listening(silent) as address:
        first, second = (
            Survey(target(address), request=REQUEST, limits=limits) for _ in range(2)
        )
        assert first.run().stopped == second.run().stopped == "0.1 s were over"
        assert second.run().trials


def test_it_stops_when_nobody_listens_any_more() -> None:
    with listening(closing) as address:
        pass
    report = Survey(target(address), request=REQUEST, limits=LIMITS).run()
    assert not report.is_reachable
    assert len(report.trials) == 1
    assert report.stopped is not None


def test_it_asks_with_one_connection_at_a_time() -> None:
    """Whoever accepts one finds that the one before has ended."""

    def serve(server: socket.socket) -> int:
        accepted, before = 0, None
        while True:
            connection, peer = server.accept()
            with contextlib.suppress(ConnectionError):
                while before is not None and before.recv(65536):
                    pass
            if peer[0] != "127.0.0.9":
                connection.close()
                return accepted
            accepted, before = accepted + 1, connection
            stack.enter_context(connection).setblocking(False)

    limits = dataclasses.replace(HASTY, answer=0.02)
    with (
        contextlib.ExitStack() as stack,
        socket.create_server(("127.0.0.1", 0)) as server,
        ThreadPoolExecutor(1) as pool,
    ):
        address = Endpoint(*server.getsockname())
        accepted = pool.submit(serve, server)
        try:
            report = Survey(
                target(address), request=REQUEST, limits=limits, source="127.0.0.9"
            ).run()
        finally:
            socket.create_connection(address, PATIENCE).close()
        # One that is open still would raise BlockingIOError.
        assert accepted.result(PATIENCE) == len(report.trials) > 10


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


def test_each_question_claims_another_client(requiring: Report) -> None:
    """So that a page that shows one was told it by this question, and no other."""
    clear = survey(Server(), limits=HASTY)
    for report in (requiring, clear):
        claimed = [one for trial in report.trials for one in claims(trial.question)]
        assert len(claimed) > 20
        assert len(set(claimed)) == len(claimed)


def claims(question: Question) -> Iterator[Endpoint]:
    """Yield the clients that a question claims; its control claims the same."""
    octets = question.preamble
    while octets and not question.name.endswith(("control", "half")):
        try:
            preamble, octets = decode(octets, FORMATS)
        except DecodeError:
            # A wrong checksum: MAGIC and PROXY v2 have the address in front of it.
            yield Endpoint(socket.inet_ntoa(octets[-19:-15]), 0)
            return
        if preamble.source is not None:
            assert isinstance(preamble.source, Endpoint)
            yield Endpoint(preamble.source.host, 0)


def test_a_format_that_is_none_is_the_callers_mistake() -> None:
    with pytest.raises(EncodeError):
        survey(refusing, formats=("proxy3",))


def test_questions_have_names_of_their_own(requiring: Report) -> None:
    questions: list[Question] = [one.question for one in requiring.trials]
    assert len({question.name for question in questions}) == len(questions)
