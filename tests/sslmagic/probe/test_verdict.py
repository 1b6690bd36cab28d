"""verdict.py: what is said of each kind of listener that can be heard."""

from __future__ import annotations

import dataclasses

import pytest

from sslmagic.probe.answer import Came
from sslmagic.probe.report import Belief, Speech, Stance, Trial
from sslmagic.probe.verdict import verdict
from tests.sslmagic.probe.reports import INSIDE, refused, report, taken, trial


def test_who_requires_and_believes() -> None:
    both = [taken(each, belief=Belief.BELIEVED) for each in ("proxy1", "proxy2")]
    assert verdict(report(*both)) == (
        "Requires PROXY v1 or PROXY v2 from you, in front of TLS. Believes any address"
        " it is told: anyone who reaches this port as you do can be anyone."
    )


def test_from_loopback_anyone_on_this_machine_is_meant() -> None:
    one = report(taken(belief=Belief.BELIEVED), source=INSIDE)
    assert "anyone on this machine can be anyone" in verdict(one)


def test_who_takes_it_or_leaves_it() -> None:
    one = report(taken(stance=Stance.ACCEPTED), speaks=Speech.TLS)
    assert verdict(one).startswith(
        "Takes PROXY v2 from you in front of TLS, and serves without."
    )


def test_who_serves_with_it_as_without() -> None:
    ignored = taken(stance=Stance.IGNORED, behind=Speech.HTTP)
    one = report(ignored, refused("magic"), speaks=Speech.HTTP)
    assert verdict(one) == (
        "Serves with PROXY v2 in front as without, and nothing shows that it reads it."
        " Refuses the rest: MAGIC got the end of the connection."
    )


def test_who_answers_otherwise_when_asked_again() -> None:
    first, again = trial(came=Came.SILENCE), trial(taken=True, came=Came.HTTP)
    believes = taken(belief=Belief.BELIEVED, stance=Stance.UNKNOWN)
    one = dataclasses.replace(report(believes), again=((first, again),))
    assert verdict(one).startswith("Answers otherwise when it is asked again: ")
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


def test_within_tls() -> None:
    inside = trial(taken=True, belief=Belief.BELIEVED)
    one = report(refused("proxy1", trials={"inside": inside}), speaks=Speech.TLS)
    assert verdict(one).endswith(
        "Within TLS it takes PROXY v1, in front of the request."
    )


def test_who_believes_one_format_only() -> None:
    one = report(taken("magic", belief=Belief.BELIEVED), taken(belief=Belief.OWN))
    said = verdict(one)
    assert "Believes any address it is told by MAGIC:" in said
    assert (
        "Does not show the address that it is told by PROXY v2: its answer holds"
        " yours, 198.51.100.7." in said
    )


def test_who_shows_nothing() -> None:
    said = verdict(report(taken(behind=Speech.HTTP), refused("magic")))
    assert said == (
        "Requires PROXY v2 from you, in front of HTTP in clear. Refuses the rest: MAGIC"
        " got the end of the connection. Whether it believes the address is not known:"
        " its answer shows none (name a page that does with --path)."
    )


def test_who_greets_has_no_page() -> None:
    said = verdict(report(taken(behind=Speech.FIRST)))
    assert said.endswith("is not known: its greeting shows none.")


def test_who_answers_everything_alike() -> None:
    unknown = dataclasses.replace(refused("proxy1"), stance=Stance.UNKNOWN)
    assert verdict(report(unknown, speaks=Speech.HTTP)) == (
        "What it makes of PROXY v1 does not show: PROXY v1 got the end of the"
        " connection, and so did octets that are none."
    )


@pytest.mark.parametrize(
    ("speaks", "said"),
    [
        (Speech.TLS, "Speaks TLS at once and takes no preamble"),
        (Speech.HTTP, "Speaks HTTP in clear and takes no preamble"),
    ],
)
def test_who_takes_none(speaks: Speech, said: str) -> None:
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


def test_who_serves_nobody() -> None:
    assert verdict(report(refused("magic"))) == (
        "Serves nobody who asks as this did: a ClientHello got the end of the"
        " connection; MAGIC got the end of the connection."
    )


def test_who_waits_behind_a_preamble_may_have_taken_it() -> None:
    """As HAProxy does in front of a server that is down."""
    half = {"half": trial(lasted=0.01)}
    silent = refused("proxy1", Came.SILENCE, trials=half)
    one = report(refused("magic", trials=half), silent, silent=trial(lasted=9.0))
    said = verdict(one)
    assert "Ends every connection" not in said
    assert "PROXY v1 got no answer." in said
    assert said.endswith(
        "It does not end what begins with PROXY v1 as it ends what has no preamble:"
        " it may have taken it, and wait for what is behind it (--answer for longer)."
    )


@pytest.mark.parametrize(
    "half", [trial(lasted=1.0), trial(came=Came.SILENCE, lasted=9.0, ended=False)]
)
def test_who_waits_for_the_rest_of_a_preamble_may_read_it(half: Trial) -> None:
    """As magic node does in front of a server that is down."""
    read = refused("magic", trials={"half": half})
    other = refused("proxy1", trials={"half": trial(lasted=0.01)})
    assert verdict(report(read, other)).endswith(
        "It waits for the rest of what begins with MAGIC as it waits for nothing else:"
        " it may read that, and what is behind it is down."
    )
    slow = report(read, other, first=trial(lasted=1.0))
    assert "It waits for" not in verdict(slow)


def test_who_waits_whatever_is_said_may_wait_for_what_is_behind_it() -> None:
    silent = trial(came=Came.SILENCE, ended=False)
    assert verdict(report(refused("magic", Came.SILENCE), first=silent)) == (
        "Serves nobody who asks as this did: a ClientHello got no answer; MAGIC got no"
        " answer. It may wait for what is behind it (--answer for longer)."
    )


UNRECOGNISED = bytes.fromhex("15 03 03 00 02 02 70")


def test_who_ends_the_handshake_is_asked_for_another_name() -> None:
    alert = trial(taken=True, came=Came.ALERT, octets=UNRECOGNISED)
    one = dataclasses.replace(taken("proxy2"), trials={"whole": alert})
    assert verdict(report(one)) == (
        "Requires PROXY v2 from you, in front of TLS. It ends the handshake with alert"
        " unrecognized_name, so that no page was asked for (--server-name for another"
        " name). Whether it believes the address is not known: no page was served"
        " behind the preamble."
    )
    one = refused("proxy2")
    said = verdict(report(one, first=alert, speaks=Speech.TLS))
    assert "alert unrecognized_name" in said


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


def test_who_turns_away_may_be_down_behind() -> None:
    half = {"half": trial(lasted=0.01)}
    one = report(refused("magic", trials=half), silent=trial(lasted=1.0))
    assert verdict(one).endswith("or what is behind it is down.")


def test_where_no_connection_comes_about() -> None:
    one = dataclasses.replace(report(), trials=(trial(came=Came.UNREACHABLE),))
    assert verdict(one) == "No connection to 203.0.113.1:443: no connection."
