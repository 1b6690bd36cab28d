"""survey.py: the report as JSON says it and as people read it."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.claim import said
from sslmagic.probe.question import Question
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance, Trial
from sslmagic.probe.target import Target
from sslmagic_cli.survey import described, drawn

PREAMBLE = said(Endpoint("203.0.113.9", 51234), 443, "proxy2")
WHOLE = Trial(
    question=Question(name="proxy2 whole", words="a preamble", pieces=(PREAMBLE,)),
    answer=Answer(
        came=Came.TLS,
        seconds=0.0123456,
        lasted=0.5,
        octets=bytes(100),
        text=b"HTTP/1.1 200 OK\r\n\r\n\x1b[31m203.0.113.9",
        version="TLSv1.3",
    ),
    taken=True,
    belief=Belief.BELIEVED,
)
REFUSED = Trial(
    question=Question(name="magic whole", words="a preamble", pieces=(b"\xcd",)),
    answer=Answer(
        came=Came.OCTETS, seconds=0.1, octets=b"\x1b[31m", text=b"\x1b[31mred"
    ),
    taken=False,
)
SILENT = Trial(
    question=Question(name="silent", words="nothing"),
    answer=Answer(came=Came.CLOSED, seconds=5.0, lasted=5.0, ended=True),
    taken=False,
)
WAITING = dataclasses.replace(
    SILENT, answer=Answer(came=Came.SILENCE, seconds=9.0, lasted=9.0)
)
REPORT = Report(
    target=Target(name="shop.example", address=Endpoint("203.0.113.1", 443)),
    source="198.51.100.7",
    speaks=None,
    formats=(
        FormatReport(
            format="magic",
            stance=Stance.REFUSED,
            behind=None,
            trials={"whole": REFUSED},
        ),
        FormatReport(
            format="proxy2",
            stance=Stance.REQUIRED,
            behind=Speech.TLS,
            trials={"whole": WHOLE, "late": WHOLE},
        ),
    ),
    silent=SILENT,
    half=WAITING,
    after=None,
    trials=(SILENT, REFUSED, WHOLE),
    stopped="40 connections were made",
    seconds=1.25,
)


@pytest.fixture
def json_object() -> Any:
    return json.loads(json.dumps(described(REPORT)))


def test_json_says_what_was_found(json_object: Any) -> None:
    assert json_object["target"] == {
        "name": "shop.example",
        "host": "203.0.113.1",
        "port": 443,
    }
    assert json_object["source"] == "198.51.100.7"
    assert json_object["speaks"] is None
    assert json_object["formats"] == {
        "magic": {
            "stance": "refused",
            "behind": None,
            "belief": "not shown",
            "trials": {"whole": False},
        },
        "proxy2": {
            "stance": "required",
            "behind": "tls",
            "belief": "believed",
            "trials": {"whole": True, "late": True},
        },
    }
    assert json_object["waits"] == {
        "silent": {"seconds": 5.0, "ended": True},
        "half": {"seconds": 9.0, "ended": False},
    }
    assert json_object["verdict"].startswith("Requires PROXY v2 from you")
    assert [one["severity"] for one in json_object["findings"]] == ["high", "note"]
    assert json_object["stopped"] == "40 connections were made"


def test_json_has_the_evidence(json_object: Any) -> None:
    silent, refused, whole = json_object["evidence"]
    assert (silent["sent"], silent["answer"]) == ("", "closed")
    assert (refused["sent"], refused["octets"]) == ("cd", "1b5b33316d")
    assert whole == {
        "question": "proxy2 whole",
        "words": "a preamble",
        "sent": PREAMBLE.hex(),
        "pieces": 1,
        "then": "tls",
        "taken": True,
        "belief": "believed",
        "answer": "tls",
        "alert": None,
        "status": 200,
        "version": "TLSv1.3",
        "error": None,
        "octets": bytes(64).hex(),
        "text": "HTTP/1.1 200 OK\r\n\r\n\x1b[31m203.0.113.9",
        "seconds": 0.012,
        "lasted": 0.5,
        "ended": False,
    }


def test_json_is_ascii() -> None:
    assert json.dumps(described(REPORT)).isascii()
    assert "\x1b" not in json.dumps(described(REPORT))


def test_a_person_reads_the_verdict_first() -> None:
    lines = drawn(REPORT, verbose=False).splitlines()
    assert lines[0].startswith("203.0.113.1:443  asked from 198.51.100.7  3 questions")
    assert lines[2].startswith("Requires PROXY v2 from you, in front of TLS.")


def test_a_person_reads_a_table() -> None:
    said = [
        " ".join(line.split()) for line in drawn(REPORT, verbose=False).splitlines()
    ]
    assert "MAGIC PROXY v2" in said
    assert "refused required" in said
    assert "address believed" in said
    assert "whole refused: 5 octets taken" in said
    assert "late taken" in said


def test_a_person_reads_waits_findings_and_why_it_stopped() -> None:
    said = " ".join(drawn(REPORT, verbose=False).split())
    assert "Whoever says nothing: ended after 5.0 s" in said
    assert "Whoever sends half a preamble: still waited for after 9.0 s" in said
    assert "high PROXY v2: 198.51.100.7 may say that it is anybody" in said
    assert said.endswith("Not all was asked: 40 connections were made.")


def test_a_person_reads_who_was_left_before_its_end() -> None:
    answer = dataclasses.replace(SILENT.answer, ended=False, sends_on=True)
    silent = dataclasses.replace(SILENT, answer=answer)
    said = drawn(dataclasses.replace(REPORT, silent=silent), verbose=False)
    assert "Whoever says nothing: is sent ever more, left after 5.0 s" in said


def test_verbose_adds_every_question_with_its_octets() -> None:
    said = drawn(REPORT, verbose=True)
    assert "proxy2 whole  a preamble" in said
    assert "203.0.113.9" in said
    assert "-> HTTP 200 within TLSv1.3, after 0.012 s: HTTP/1.1 200 OK; taken" in said


@pytest.mark.parametrize("verbose", [True, False])
def test_octets_of_the_network_are_escaped(verbose: bool) -> None:
    assert "\x1b" not in drawn(REPORT, verbose=verbose)


def test_octets_of_the_network_are_no_markup() -> None:
    """Nor anything else that a terminal or the library that draws would obey."""
    text = b"[bold red]gone[/bold red] [/nothing]"
    answer = dataclasses.replace(REFUSED.answer, text=text)
    one = dataclasses.replace(
        REPORT, trials=(dataclasses.replace(REFUSED, answer=answer),)
    )
    assert text.decode() in drawn(one, verbose=True)


def test_an_answer_that_differs_the_second_time_is_said() -> None:
    assert described(REPORT)["steady"] is True
    again = dataclasses.replace(WHOLE, taken=False, answer=SILENT.answer)
    one = dataclasses.replace(REPORT, again=((WHOLE, again),))
    assert described(one)["steady"] is False
    assert "Answers otherwise when it is asked again" in drawn(one, verbose=False)


def test_a_report_about_nothing() -> None:
    empty = dataclasses.replace(
        REPORT, formats=(), silent=None, half=None, trials=(SILENT,), stopped=None
    )
    assert "asked from" in drawn(empty, verbose=False)
    assert described(empty)["waits"] == {}


def test_a_connection_that_ends_at_once_is_said_to() -> None:
    answer = dataclasses.replace(SILENT.answer, seconds=0.01, lasted=0.01)
    silent = dataclasses.replace(SILENT, answer=answer)
    said = drawn(dataclasses.replace(REPORT, silent=silent), verbose=False)
    assert "Whoever says nothing: ended at once" in said


def test_a_link_local_address_keeps_its_zone() -> None:
    target = Target(name="fe80::1%eth0", address=Endpoint("fe80::1", 443), zone="eth0")
    one = dataclasses.replace(REPORT, target=target)
    assert drawn(one, verbose=False).startswith("[fe80::1%eth0]:443  asked from")
    assert described(one)["target"] == {
        "name": "fe80::1%eth0",
        "host": "fe80::1%eth0",
        "port": 443,
    }


def test_no_answer_is_called_no_refusal() -> None:
    silence = dataclasses.replace(REFUSED, answer=WAITING.answer)
    closed = dataclasses.replace(REFUSED, answer=SILENT.answer)
    trials = {"whole": silence, "control": closed, "half": closed}
    one = dataclasses.replace(REPORT.formats[0], trials=trials)
    said = drawn(dataclasses.replace(REPORT, formats=(one,)), verbose=False)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "whole no answer" in lines
    assert "no preamble, but alike refused: closes" in lines
    assert "half of it closes" in lines
