"""What a report means: the verdict in a few sentences, and what should be mended."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Sequence

from sslmagic.address import is_loopback, pack_host
from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance

__all__ = ["NAMES", "Finding", "Severity", "findings", "verdict"]

NAMES = {"magic": "MAGIC", "proxy1": "PROXY v1", "proxy2": "PROXY v2"}
"""The formats, as people call them."""
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


def verdict(report: Report) -> str:
    """Return what the listener does, in one sentence or a few."""
    if not report.is_reachable:
        return f"Nothing listens at {report.target.address}."
    if report.unsteady:
        which = "; ".join(
            f"{first.question.words} got {_got(first.answer)}, then"
            f" {_got(again.answer)}"
            for first, again in report.unsteady
        )
        return (
            f"Answers otherwise when it is asked again: {which}. Nothing is concluded;"
            " ask once more, with a longer --answer or --pause."
        )
    if report.turns_away and report.reads_nothing:
        return (
            f"Ends every connection from {report.source} at once, before it reads:"
            " you are no peer that it takes."
        )
    if report.turns_away:
        return (
            f"Ends every connection from {report.source} as soon as an octet comes:"
            " you are no peer that it takes, or it speaks nothing that was tried."
        )
    sentences = [*_stances(report), *_beliefs(report), *_inside(report)]
    return " ".join(sentences)


def findings(report: Report) -> tuple[Finding, ...]:
    """Return the consequences, the gravest first."""
    found: dict[tuple[Severity, str], list[str]] = {}
    for severity, words, name in _found(report):
        found.setdefault((severity, words), []).extend([name] if name else [])
    return tuple(
        Finding(severity=severity, words=f"{_and(names)}: {words}" if names else words)
        for severity, words in sorted(found, key=lambda one: _ORDER[one[0]])
        for names in [found[severity, words]]
    )


_ORDER = {severity: place for place, severity in enumerate(Severity)}


def _stances(report: Report) -> Iterator[str]:
    speaks = report.speaks
    if speaks is Speech.FIRST:
        yield "Speaks first, to anybody, so what it makes of a preamble does not show."
        return
    read = [one for one in report.takes if one.stance is not Stance.IGNORED]
    ignored = [one for one in report.formats if one.stance is Stance.IGNORED]
    unsteady = [one for one in report.formats if one.is_unsteady]
    unknown = [
        one
        for one in report.formats
        if one.stance is Stance.UNKNOWN and not one.is_unsteady
    ]
    refused = [one for one in report.formats if one.stance is Stance.REFUSED]
    if read:
        behind, which = _SPEECH[read[0].behind or Speech.TLS], _listed(read, "or")
        if speaks is None:
            yield f"Requires {which} from you, in front of {behind}."
        else:
            yield f"Takes {which} from you in front of {behind}, and serves without."
    if ignored:
        yield (
            f"Serves with {_listed(ignored, 'or')} in front as without, and nothing"
            " shows that it reads it."
        )
    if unknown:
        yield (
            f"What it makes of {_listed(unknown, 'or')} does not show:"
            f" {_refusals(unknown)}, and so did octets that are none."
        )
    for one in unsteady:
        first, again = one.trials["whole"].answer, one.trials["again"].answer
        yield (
            f"Answers {NAMES[one.format]} otherwise when it is asked again, with"
            f" {_got(first)}, then {_got(again)}, so nothing is concluded of it."
        )
    if read or ignored:
        if refused:
            yield f"Refuses the rest: {_refusals(refused)}."
    elif refused:
        said = _refusals(refused)
        if speaks is None:
            yield f"Serves nobody who asks as this did: {said}."
        else:
            is_all = len(refused) == len(NAMES)
            which = "preamble" if is_all else _listed(refused, "or")
            yield f"Speaks {_at_once(speaks)} and takes no {which}: {said}."
    elif speaks is None and not report.formats:
        yield "Too little was asked to tell what it does."
    elif speaks is not None and not report.formats:
        yield f"Speaks {_at_once(speaks)}; no preamble was tried to its end."


def _beliefs(report: Report) -> Iterator[str]:
    takes = report.takes
    believed = [one for one in takes if one.belief is Belief.BELIEVED]
    own = [one for one in takes if one.belief is Belief.OWN]
    if believed:
        which = "" if len(believed) == len(takes) else f" by {_listed(believed, 'or')}"
        yield f"Believes any address it is told{which}: {_anyone(report)}."
    if own:
        which = "" if len(own) == len(takes) else f" of {_listed(own, 'and')}"
        yield (
            f"Does not show the address{which}: its answer holds yours,"
            f" {report.source}."
        )
    read = [one for one in takes if one.stance is not Stance.IGNORED]
    if read and not believed and not own:
        is_locked = any(one.trials["whole"].answer.wants_certificate for one in read)
        why = (
            "it wants a client's certificate, and a probe has none"
            if is_locked
            else "its answer shows none (name a page that does with --path)"
        )
        yield f"Whether it believes the address is not known: {why}."


def _inside(report: Report) -> Iterator[str]:
    taken = [one for one in report.formats if one.taken("inside")]
    if taken:
        yield f"Within TLS it takes {_listed(taken, 'or')}, in front of the request."


_Found = Iterator[tuple[Severity, str, str | None]]
"""How grave, in which words, and of which format, if it is one's."""


def _found(report: Report) -> _Found:
    outside = _is_outside(report)
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
            lasted = f"{trial.answer.lasted:.0f}"
            yield (
                Severity.NOTE,
                f"{what} was still waited for after {lasted} s (--patience for longer)",
            )


def _at_once(speaks: Speech) -> str:
    return "TLS at once" if speaks is Speech.TLS else "HTTP in clear"


def _refusals(refused: Sequence[FormatReport]) -> str:
    """Say what each format got for an answer, those that got the same together."""
    said: dict[str, list[str]] = {}
    for one in refused:
        word = _got(one.trials["whole"].answer)
        said.setdefault(word, []).append(NAMES[one.format])
    return "; ".join(f"{_and(names)} got {word}" for word, names in said.items())


def _got(answer: Answer) -> str:
    if answer.is_end:
        return "the end of the connection"
    return "no answer" if answer.came is Came.SILENCE else answer.said


def _anyone(report: Report) -> str:
    if _is_outside(report):
        return "anyone who reaches this port as you do can be anyone"
    return "anyone on this machine can be anyone, and whoever else it trusts so"


def _is_outside(report: Report) -> bool:
    """Whether the run asked from another machine, or as one."""
    try:
        return not is_loopback(pack_host(report.source))
    except ValueError:
        return False


def _listed(formats: Iterable[FormatReport], word: str) -> str:
    return _and([NAMES[one.format] for one in formats], word)


def _and(names: Sequence[str], word: str = "and") -> str:
    if len(names) < 3:
        return f" {word} ".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


_SPEECH = {
    Speech.TLS: "TLS",
    Speech.HTTP: "HTTP in clear",
    Speech.FIRST: "a greeting",
}
