"""finding.py: what is said of each thing that can be heard, and how grave it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import pytest

from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.finding import Finding, Severity, findings, verdict
from sslmagic.probe.question import Question
from sslmagic.probe.report import (
    Belief,
    FormatReport,
    Report,
    Speech,
    Stance,
    Trial,
)
from sslmagic.probe.target import Target

OUTSIDE, INSIDE = "198.51.100.7", "127.0.0.1"


def trial(
    *,
    taken: bool = False,
    belief: Belief = Belief.NOT_SHOWN,
    last: bool = False,
    came: Came = Came.CLOSED,
    lasted: float = 0.0,
    ended: bool = True,
    delay: float = 0.0,
) -> Trial:
    answer = Answer(came=came, seconds=lasted, lasted=lasted, ended=ended)
    question = Question(name="a", words="", delay=delay)
    return Trial(
        question=question, answer=answer, taken=taken, belief=belief, last=last
    )


def taken(
    format: str = "proxy2",
    stance: Stance = Stance.REQUIRED,
    *,
    belief: Belief = Belief.NOT_SHOWN,
    behind: Speech = Speech.TLS,
    trials: Mapping[str, Trial] | None = None,
) -> FormatReport:
    whole = trial(taken=True, belief=belief, came=Came.TLS)
    return FormatReport(
        format=format,
        stance=stance,
        behind=behind,
        trials={"whole": whole, **(trials or {})},
    )


def refused(
    format: str,
    came: Came = Came.CLOSED,
    *,
    trials: Mapping[str, Trial] | None = None,
) -> FormatReport:
    return FormatReport(
        format=format,
        stance=Stance.REFUSED,
        behind=None,
        trials={"whole": trial(came=came), **(trials or {})},
    )


def report(
    *formats: FormatReport,
    source: str = OUTSIDE,
    speaks: Speech | None = None,
    silent: Trial | None = None,
    half: Trial | None = None,
) -> Report:
    return Report(
        target=Target(name="a.example", address=Endpoint("203.0.113.1", 443)),
        source=source,
        speaks=speaks,
        formats=formats,
        silent=silent,
        half=half,
        after=None,
        trials=(trial(),),
        stopped=None,
        seconds=1.0,
    )


def severities(one: Report) -> list[tuple[Severity, str]]:
    return [(each.severity, each.words) for each in findings(one)]


def test_who_requires_and_believes() -> None:
    both = [taken(each, belief=Belief.BELIEVED) for each in ("proxy1", "proxy2")]
    assert verdict(report(*both)) == (
        "Requires PROXY v1 or PROXY v2 from you, in front of TLS. Believes any address"
        " it is told: anyone who reaches this port as you do can be anyone."
    )
    (found,) = findings(report(*both))
    assert found == Finding(
        severity=Severity.HIGH,
        words="PROXY v1 and PROXY v2: 198.51.100.7 may say that it is anybody; let only"
        " the addresses of your gateways do so",
    )


def test_from_loopback_it_is_a_note() -> None:
    one = report(taken(belief=Belief.BELIEVED), source=INSIDE)
    assert "anyone on this machine can be anyone" in verdict(one)
    assert [severity for severity, _ in severities(one)] == [Severity.NOTE]


def test_who_believes_one_format_only() -> None:
    one = report(taken("magic", belief=Belief.BELIEVED), taken(belief=Belief.OWN))
    said = verdict(one)
    assert "Believes any address it is told by MAGIC:" in said
    assert (
        "Does not show the address of PROXY v2: its answer holds yours, 198.51.100.7."
        in said
    )


def test_who_shows_nothing() -> None:
    said = verdict(report(taken(behind=Speech.HTTP), refused("magic")))
    assert said == (
        "Requires PROXY v2 from you, in front of HTTP in clear. Refuses the rest: MAGIC"
        " got the end of the connection. Whether it believes the address is not known:"
        " its answer shows none (name a page that does with --path)."
    )


def test_who_takes_it_or_leaves_it() -> None:
    one = report(
        taken(stance=Stance.ACCEPTED, belief=Belief.BELIEVED), speaks=Speech.TLS
    )
    assert verdict(one).startswith(
        "Takes PROXY v2 from you in front of TLS, and serves without."
    )
    assert (Severity.MEDIUM, "may be there or not") in [
        (severity, words.partition(": ")[2].partition(":")[0])
        for severity, words in severities(one)
    ]


def test_who_serves_with_it_as_without() -> None:
    faults = {"nested": trial(taken=True), "bad_checksum": trial(taken=True)}
    ignored = taken(stance=Stance.IGNORED, behind=Speech.HTTP, trials=faults)
    one = report(ignored, refused("magic"), speaks=Speech.HTTP)
    assert verdict(one) == (
        "Serves with PROXY v2 in front as without, and nothing shows that it reads it."
        " Refuses the rest: MAGIC got the end of the connection."
    )
    assert findings(one) == ()


def test_who_answers_everything_alike() -> None:
    unknown = dataclasses.replace(refused("proxy1"), stance=Stance.UNKNOWN)
    assert verdict(report(unknown, speaks=Speech.HTTP)) == (
        "What it makes of PROXY v1 does not show: PROXY v1 got the end of the"
        " connection, and so did octets that are none."
    )


def test_who_answers_otherwise_when_asked_again() -> None:
    first, again = trial(came=Came.SILENCE), trial(taken=True, came=Came.HTTP)
    believes = taken(belief=Belief.BELIEVED, stance=Stance.UNKNOWN)
    one = dataclasses.replace(report(believes), again=((first, again),))
    assert verdict(one).startswith("Answers otherwise when it is asked again: ")
    assert findings(one) == ()
    steady = dataclasses.replace(report(refused("magic")), again=((first, first),))
    assert verdict(steady).startswith("Serves nobody")


def test_who_answers_one_format_otherwise_when_asked_again() -> None:
    trials = {"again": trial(taken=True, came=Came.SILENCE), "bad_checksum": trial()}
    one = dataclasses.replace(refused("proxy2", trials=trials), stance=Stance.UNKNOWN)
    assert verdict(report(one, refused("magic"), speaks=Speech.TLS)) == (
        "Answers PROXY v2 otherwise when it is asked again, with the end of the"
        " connection, then no answer, so nothing is concluded of it. Speaks TLS at once"
        " and takes no MAGIC: MAGIC got the end of the connection."
    )
    assert findings(report(one)) == ()


@pytest.mark.parametrize(
    ("speaks", "said"),
    [
        (Speech.TLS, "Speaks TLS at once and takes no preamble"),
        (Speech.HTTP, "Speaks HTTP in clear and takes no preamble"),
        (None, "Serves nobody who asks as this did"),
    ],
)
def test_who_takes_none(speaks: Speech | None, said: str) -> None:
    one = report(
        refused("magic"),
        refused("proxy1"),
        refused("proxy2", Came.SILENCE),
        speaks=speaks,
    )
    assert verdict(one) == (
        f"{said}: MAGIC and PROXY v1 got the end of the connection; PROXY v2 got"
        " no answer."
    )


def test_nothing_is_said_of_a_format_that_was_not_asked_about() -> None:
    one = report(refused("magic"), refused("proxy1"), speaks=Speech.TLS)
    assert verdict(one).startswith("Speaks TLS at once and takes no MAGIC or PROXY v1:")


@pytest.mark.parametrize(
    ("speaks", "said"),
    [
        (Speech.TLS, "Speaks TLS at once; no preamble was tried to its end."),
        (None, "Too little was asked to tell what it does."),
    ],
)
def test_who_was_asked_about_no_format(speaks: Speech | None, said: str) -> None:
    assert verdict(report(speaks=speaks)) == said


def test_who_wants_a_certificate_is_not_asked_for_a_page() -> None:
    one = taken()
    whole = one.trials["whole"]
    answer = dataclasses.replace(
        whole.answer, error="TLSV13_ALERT_CERTIFICATE_REQUIRED"
    )
    trials = {"whole": dataclasses.replace(whole, answer=answer)}
    said = verdict(report(dataclasses.replace(one, trials=trials)))
    assert said.endswith("it wants a client's certificate, and a probe has none.")


def test_who_sends_on_is_not_said_to_wait() -> None:
    flood = trial(came=Came.OCTETS, ended=False)
    answer = dataclasses.replace(flood.answer, sends_on=True)
    sends = dataclasses.replace(flood, answer=answer)
    assert findings(dataclasses.replace(report(), silent=sends)) == ()
    assert len(findings(dataclasses.replace(report(), silent=flood))) == 1


def test_who_speaks_first() -> None:
    one = dataclasses.replace(report(), speaks=Speech.FIRST)
    assert verdict(one).startswith("Speaks first, to anybody")


def test_who_turns_away() -> None:
    half = {"half": trial(lasted=0.01)}
    one = report(refused("magic", trials=half), silent=trial(lasted=0.01))
    assert verdict(one) == (
        "Ends every connection from 198.51.100.7 at once, before it reads: you are no"
        " peer that it takes."
    )
    one = report(refused("magic", trials=half), silent=trial(lasted=1.0))
    assert verdict(one).startswith(
        "Ends every connection from 198.51.100.7 as soon as an octet comes"
    )


def test_where_nobody_listens() -> None:
    one = dataclasses.replace(report(), trials=(trial(came=Came.UNREACHABLE),))
    assert verdict(one) == "Nothing listens at 203.0.113.1:443."


def test_within_tls() -> None:
    inside = trial(taken=True, belief=Belief.BELIEVED)
    one = report(refused("proxy1", trials={"inside": inside}), speaks=Speech.TLS)
    assert verdict(one).endswith(
        "Within TLS it takes PROXY v1, in front of the request."
    )
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
