"""repetition.py: what an answer that was lost or slow must not conclude."""

from __future__ import annotations

import itertools
import socket
import ssl

import pytest

from sslmagic.probe.finding import Severity, findings
from sslmagic.probe.interview import MOST
from sslmagic.probe.report import Stance
from sslmagic.probe.verdict import verdict
from tests.interop.authority import Authority
from tests.sslmagic.probe.scripted import Script, Server
from tests.sslmagic.probe.surveyed import HASTY, closing, only, silent, survey


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    return authority.server()


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
