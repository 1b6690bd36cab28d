"""interview.py: how a question is put, and the limits of a run."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Came
from sslmagic.probe.call import Caller
from sslmagic.probe.interview import Interview, Limits, StopError
from sslmagic.probe.question import Question, Then, octets, split
from sslmagic.probe.report import Trial
from tests.sslmagic.probe.scripted import LIMITS, Script, listening, page

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLIENT = Endpoint("203.0.113.9", 51234)
HTTP = Question(name="http", words="", then=Then.HTTP)


def answering(response: bytes) -> Script:
    def script(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(response)

    return script


@pytest.mark.parametrize(("cut", "pieces"), [(None, 1), (split, 2), (octets, 15)])
def test_a_preamble_is_cut(
    cut: Callable[[bytes], tuple[bytes, ...]] | None, pieces: int
) -> None:
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
        heard = interview.put_preamble(
            *("proxy1", "whole", "a preamble", b"PROXY UNKNOWN\r\n"),
            client=None,
            then=Then.HTTP,
            cut=cut,
        )
    assert len(heard.question.pieces) == pieces
    assert heard.question.preamble == b"PROXY UNKNOWN\r\n"
    assert heard.question.patience == LIMITS.answer


def test_who_says_no_more_is_watched_to_the_end() -> None:
    with listening(answering(b"")) as address:
        interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
        heard = interview.wait("half", "half", b"PROX")
    assert heard.question.to_the_end
    assert heard.question.patience == LIMITS.patience
    assert heard.answer.ended


def test_each_trial_is_kept_and_heard() -> None:
    heard: list[Trial] = []
    with listening(answering(page(""))) as address:
        caller = Caller(address=address, request=REQUEST)
        interview = Interview(caller, LIMITS, heard.append)
        interview.put(HTTP)
        interview.put(HTTP)
    assert interview.trials == heard
    assert len(heard) == 2
    assert interview.seconds > 0


def test_a_pause_is_between_two() -> None:
    limits = Limits(answer=0.5, pause=0.1)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        interview.put(HTTP)
        began = time.monotonic()
        interview.put(HTTP)
    assert time.monotonic() - began >= 0.1


def test_the_pause_is_of_the_time_for_all() -> None:
    limits = Limits(answer=0.5, pause=60.0, timeout=0.5)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        interview.put(HTTP)
        with pytest.raises(StopError, match=r"0\.5 s were over"):
            interview.put(HTTP)
    assert len(interview.trials) == 1


def test_the_number_of_connections_ends_it() -> None:
    limits = Limits(connections=1, answer=0.5, pause=0.0)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        interview.put(HTTP)
        with pytest.raises(StopError, match="1 connections"):
            interview.put(HTTP)
    assert len(interview.trials) == 1


def test_the_time_for_all_ends_it() -> None:
    limits = Limits(timeout=0.0)
    with listening(answering(page(""))) as address:
        interview = Interview(Caller(address=address, request=REQUEST), limits)
        with pytest.raises(StopError, match="0 s were over"):
            interview.put(HTTP)
    assert interview.trials == []


def test_nobody_listening_ends_it_and_is_kept() -> None:
    with listening(answering(b"")) as address:
        pass
    interview = Interview(Caller(address=address, request=REQUEST), LIMITS)
    with pytest.raises(StopError, match="Connection refused"):
        interview.put(HTTP)
    (trial,) = interview.trials
    assert trial.answer.came is Came.UNREACHABLE
