"""patience.py: who is turned away, who is waited for, and how long."""

from __future__ import annotations

import socket
import ssl

import pytest

from sslmagic.probe.answer import Came
from sslmagic.probe.interview import Limits
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import Server
from tests.sslmagic.probe.surveyed import HASTY, only, refusing, survey


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


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
