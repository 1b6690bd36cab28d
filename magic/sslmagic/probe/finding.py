"""What follows from a report: what should be mended, and how grave it is."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from sslmagic.probe.names import NAMES, joined
from sslmagic.probe.report import Belief, FormatReport, Report, Stance

__all__ = ["Finding", "Severity", "findings"]

_SHORTEST = 3.0
"""Seconds that proxy-protocol.txt section 2 asks a receiver to wait at least."""


class Severity(enum.StrEnum):
    """How grave a finding is."""

    HIGH = "high"
    """Whoever can ask as this run did can pass for somebody else."""
    MEDIUM = "medium"
    """It takes one mistake more, or a client of a gateway can do it."""
    LOW = "low"
    """Broken or missing care, without a way in."""
    NOTE = "note"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One consequence of what was heard."""

    severity: Severity
    words: str


def findings(report: Report) -> tuple[Finding, ...]:
    """Return the consequences, the gravest first."""
    found: dict[tuple[Severity, str], list[str]] = {}
    for severity, words, name in _found(report):
        found.setdefault((severity, words), []).extend([name] if name else [])
    return tuple(
        Finding(
            severity=severity, words=f"{joined(names)}: {words}" if names else words
        )
        for severity, words in sorted(found, key=lambda one: _ORDER[one[0]])
        for names in [found[severity, words]]
    )


_ORDER = {severity: place for place, severity in enumerate(Severity)}


_Found = Iterator[tuple[Severity, str, str | None]]
"""How grave, in which words, and of which format, if it is one's."""


def _found(report: Report) -> _Found:
    outside = report.is_from_outside
    for one in report.formats:
        if one.stance is Stance.UNKNOWN:
            continue
        name = NAMES[one.format]
        for severity, words in _of_format(report, one, outside=outside):
            yield severity, words, name
    for severity, words in _of_waits(report):
        yield severity, words, None


def _of_format(
    report: Report, one: FormatReport, *, outside: bool
) -> Iterator[tuple[Severity, str]]:
    if one.belief is Belief.BELIEVED:
        if outside:
            yield (
                Severity.HIGH,
                f"{report.source} may say that it is anybody; let only the addresses of"
                " your gateways do so",
            )
        else:
            yield (
                Severity.NOTE,
                "believed from loopback, as it may be; ask again from a host that is no"
                " gateway of yours",
            )
    if one.taken("inside"):
        yield (
            Severity.HIGH if outside else Severity.MEDIUM,
            "believed within TLS, where every client can write it, also through a"
            " gateway that passes TLS on",
        )
    if one.stance is Stance.ACCEPTED:
        yield (
            Severity.MEDIUM if one.belief is Belief.BELIEVED else Severity.LOW,
            "may be there or not: through a gateway that adds none, clients can bring"
            " their own (proxy-protocol.txt section 2 forbids to guess)",
        )
    if one.stance is Stance.IGNORED:
        # What it does with the variations, it may do with any octets.
        return
    nested = one.trials.get("nested")
    if nested and nested.taken:
        if nested.last:
            yield Severity.HIGH, "of two the second is believed, the client's own"
        else:
            yield Severity.MEDIUM, "two are taken, so clients can add one of their own"
    yield from _of_loopback(report, one, outside=outside)
    yield from _of_care(one)


def _of_loopback(
    report: Report, one: FormatReport, *, outside: bool
) -> Iterator[tuple[Severity, str]]:
    home = one.trials.get("loopback")
    if home is None or not home.taken:
        return
    if home.belief is Belief.BELIEVED and outside:
        yield (
            Severity.HIGH,
            f"{report.source} may say that it is this machine itself, a loopback"
            " address, which many programs let do everything",
        )
    elif home.belief is Belief.BELIEVED:
        yield (
            Severity.NOTE,
            "a loopback address is believed as well; you asked from loopback, where"
            " that is usual",
        )
    elif outside and home.belief is Belief.NOT_SHOWN:
        yield Severity.LOW, f"a loopback source is taken from {report.source}"


def _of_care(one: FormatReport) -> Iterator[tuple[Severity, str]]:
    if one.taken("bad_checksum"):
        yield Severity.LOW, "the CRC32C is not checked"
    elif one.taken("checksum") is False:
        yield Severity.LOW, "refused with a right CRC32C as well as with a wrong one"
    pieces = {"halves": "in two pieces", "octets": "octet by octet"}
    broken = [words for name, words in pieces.items() if one.taken(name) is False]
    if broken:
        yield (
            Severity.LOW,
            f"refused if it comes {' or '.join(broken)}, as a network may cut it",
        )
    late = one.trials.get("late")
    if late and not late.taken and late.question.delay < _SHORTEST:
        yield (
            Severity.LOW,
            f"refused after {late.question.delay:g} s; a segment that is sent again"
            f" takes longer, and proxy-protocol.txt asks for {_SHORTEST:g} at least",
        )
    if one.taken("local") is False:
        yield Severity.NOTE, "refused without a client, as health checks send it"
    if one.taken("clear"):
        yield Severity.MEDIUM, "serves in clear as well as over TLS"


def _of_waits(report: Report) -> Iterator[tuple[Severity, str]]:
    waits = {
        "a connection that says nothing": report.silent,
        "half a preamble": report.half,
    }
    for what, trial in waits.items():
        if trial and not (trial.answer.ended or trial.answer.sends_on):
            lasted = f"{trial.answer.lasted:.1f} s"
            yield (
                Severity.NOTE,
                f"{what} was still waited for after {lasted} (--patience for longer)",
            )
