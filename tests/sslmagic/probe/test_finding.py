"""finding.py: what each fault that can be heard means, and how grave it is."""

from __future__ import annotations

import dataclasses

import pytest

from sslmagic.probe.answer import Came
from sslmagic.probe.finding import Finding, Severity, findings
from sslmagic.probe.report import Belief, Report, Speech, Stance, Trial
from tests.sslmagic.probe.reports import INSIDE, OUTSIDE, refused, report, taken, trial


def severities(one: Report) -> list[tuple[Severity, str]]:
    return [(each.severity, each.words) for each in findings(one)]


def test_who_is_believed_from_outside() -> None:
    both = [taken(each, belief=Belief.BELIEVED) for each in ("proxy1", "proxy2")]
    (found,) = findings(report(*both))
    assert found == Finding(
        severity=Severity.HIGH,
        words="PROXY v1 and PROXY v2: 198.51.100.7 may say that it is anybody; let only"
        " the addresses of your gateways do so",
    )


def test_from_loopback_it_is_a_note() -> None:
    one = report(taken(belief=Belief.BELIEVED), source=INSIDE)
    assert [severity for severity, _ in severities(one)] == [Severity.NOTE]


def test_who_takes_it_or_leaves_it() -> None:
    one = report(
        taken(stance=Stance.ACCEPTED, belief=Belief.BELIEVED), speaks=Speech.TLS
    )
    assert (Severity.MEDIUM, "may be there or not") in [
        (severity, words.partition(": ")[2].partition(":")[0])
        for severity, words in severities(one)
    ]


def test_who_serves_with_it_as_without_has_no_faults() -> None:
    faults = {"nested": trial(taken=True), "bad_checksum": trial(taken=True)}
    ignored = taken(stance=Stance.IGNORED, behind=Speech.HTTP, trials=faults)
    one = report(ignored, refused("magic"), speaks=Speech.HTTP)
    assert findings(one) == ()


def test_nothing_is_found_where_nothing_is_concluded() -> None:
    believes = taken(belief=Belief.BELIEVED, stance=Stance.UNKNOWN)
    assert findings(report(believes)) == ()
    trials = {"again": trial(taken=True, came=Came.SILENCE), "bad_checksum": trial()}
    one = dataclasses.replace(refused("proxy2", trials=trials), stance=Stance.UNKNOWN)
    assert findings(report(one)) == ()


def test_who_sends_on_is_not_said_to_wait() -> None:
    flood = trial(came=Came.OCTETS, ended=False)
    answer = dataclasses.replace(flood.answer, sends_on=True)
    sends = dataclasses.replace(flood, answer=answer)
    assert findings(dataclasses.replace(report(), silent=sends)) == ()
    assert len(findings(dataclasses.replace(report(), silent=flood))) == 1


def test_within_tls() -> None:
    inside = trial(taken=True, belief=Belief.BELIEVED)
    one = report(refused("proxy1", trials={"inside": inside}), speaks=Speech.TLS)
    assert [severity for severity, _ in severities(one)] == [Severity.HIGH]
    (found,) = findings(dataclasses.replace(one, source=INSIDE))
    assert found.severity is Severity.MEDIUM


BELIEVED = Belief.BELIEVED


@pytest.mark.parametrize(
    ("name", "heard", "source", "severity", "words"),
    [
        ("nested", trial(taken=True, last=True), OUTSIDE, "high", "the second"),
        ("nested", trial(taken=True), OUTSIDE, "medium", "two are taken"),
        ("loopback", trial(taken=True, belief=BELIEVED), OUTSIDE, "high", "itself"),
        ("loopback", trial(taken=True, belief=BELIEVED), INSIDE, "note", "usual"),
        ("loopback", trial(taken=True), OUTSIDE, "low", "a loopback source is taken"),
        ("bad_checksum", trial(taken=True), OUTSIDE, "low", "is not checked"),
        ("checksum", trial(), OUTSIDE, "low", "a right CRC32C as well"),
        ("halves", trial(), OUTSIDE, "low", "comes in two pieces, as"),
        ("octets", trial(), OUTSIDE, "low", "comes octet by octet, as"),
        ("late", trial(delay=1.0), OUTSIDE, "low", "refused after 1 s"),
        ("local", trial(), OUTSIDE, "note", "health checks"),
        ("clear", trial(taken=True), OUTSIDE, "medium", "in clear as well"),
    ],
)
def test_each_fault_has_its_finding(
    name: str, heard: Trial, source: str, severity: str, words: str
) -> None:
    (found,) = findings(report(taken(trials={name: heard}), source=source))
    assert found.severity == severity
    assert found.words.startswith("PROXY v2: ")
    assert words in found.words


@pytest.mark.parametrize(
    ("name", "heard", "source"),
    [
        ("nested", trial(), OUTSIDE),
        ("loopback", trial(), OUTSIDE),
        ("loopback", trial(taken=True), INSIDE),
        ("loopback", trial(taken=True, belief=Belief.OWN), OUTSIDE),
        ("bad_checksum", trial(), OUTSIDE),
        ("halves", trial(taken=True), OUTSIDE),
        ("late", trial(delay=4.0), OUTSIDE),
        ("local", trial(taken=True), OUTSIDE),
        ("clear", trial(), OUTSIDE),
    ],
)
def test_what_is_as_it_should_be_has_none(name: str, heard: Trial, source: str) -> None:
    assert findings(report(taken(trials={name: heard}), source=source)) == ()


def test_who_waits_on() -> None:
    waits = trial(came=Came.SILENCE, lasted=10.0, ended=False)
    one = report(taken(), silent=waits, half=waits)
    assert [words.partition(" was")[0] for _, words in severities(one)] == [
        "a connection that says nothing",
        "half a preamble",
    ]
    assert findings(report(taken(), silent=trial(lasted=5.0))) == ()


def test_the_gravest_comes_first_and_formats_stand_together() -> None:
    faults = {
        "bad_checksum": trial(taken=True),
        "nested": trial(taken=True, last=True),
        "local": trial(),
    }
    one = report(taken("magic", trials=faults), taken("proxy2", trials=faults))
    order = [severity for severity, _ in severities(one)]
    assert order == [Severity.HIGH, Severity.LOW, Severity.NOTE]
    assert all(words.startswith("MAGIC and PROXY v2: ") for _, words in severities(one))
