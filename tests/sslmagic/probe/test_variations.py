"""variations.py: what a listener that takes a format does with it, varied."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import DecodeError
from sslmagic.probe.answer import Came
from sslmagic.probe.interview import Limits
from sslmagic.probe.report import Belief, Speech, Stance
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import PATIENCE, Server, page
from tests.sslmagic.probe.surveyed import HASTY, only, survey


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


def test_a_server_that_requires_a_preamble_in_front_of_tls(tls: ssl.SSLContext) -> None:
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


@pytest.mark.parametrize("preambles", [1, 2])
def test_a_greeting_shows_of_two_only_the_second(preambles: int) -> None:
    """It comes behind the first one, and the second may be read as a command."""

    def greeting(connection: socket.socket) -> None:
        shown = ""
        with contextlib.suppress(TimeoutError, DecodeError):
            for _ in range(preambles):
                decoder = Decoder("proxy2")
                while (preamble := decoder.feed(b"")) is None:
                    if not (octets := connection.recv(decoder.wanted)):
                        return
                    decoder.feed(octets)
                shown = str(preamble.source)
                # The second may not come.
                connection.settimeout(0.02)
        if shown:
            connection.settimeout(PATIENCE)
            connection.sendall(f"220 hello {shown}\r\n".encode())
            connection.recv(1)

    report = survey(greeting, formats=("proxy2",), limits=HASTY)
    one, asked = only(report), [trial.question.name for trial in report.trials]
    assert (one.behind, one.belief) == (Speech.FIRST, Belief.BELIEVED)
    assert "proxy2 nested" in asked
    found = one.trials.get("nested")
    assert found is None if preambles == 1 else found is not None and found.last
    heard = dict(zip(asked, report.trials, strict=True))["proxy2 nested"]
    assert heard.taken is (preambles == 2)


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
