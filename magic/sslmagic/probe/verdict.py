"""What a listener does, in a few sentences: the verdict on a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sslmagic.probe.answer import Answer, Came
from sslmagic.probe.names import NAMES, joined, listed
from sslmagic.probe.report import Belief, FormatReport, Report, Speech, Stance

__all__ = ["verdict"]

_SPEECH = {
    Speech.TLS: "TLS",
    Speech.HTTP: "HTTP in clear",
    Speech.FIRST: "a greeting",
}


def verdict(report: Report) -> str:
    """Return what the listener does, in one sentence or a few."""
    if not report.is_reachable:
        return f"No connection to {report.target}: {report.unreached}."
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
            " you are no peer that it takes, it speaks nothing that was tried, or what"
            " is behind it is down."
        )
    said = _stances, _stalled, _handshake, _beliefs, _inside
    return " ".join(sentence for one in said for sentence in one(report))


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
        behind, which = _SPEECH[read[0].behind or Speech.TLS], listed(read, "or")
        if speaks is None:
            yield f"Requires {which} from you, in front of {behind}."
        else:
            yield f"Takes {which} from you in front of {behind}, and serves without."
    if ignored:
        yield (
            f"Serves with {listed(ignored, 'or')} in front as without, and nothing"
            " shows that it reads it."
        )
    if unknown:
        yield (
            f"What it makes of {listed(unknown, 'or')} does not show:"
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
            got = _got(report.trials[0].answer)
            yield (
                f"Serves nobody who asks as this did: a ClientHello got {got}; {said}."
            )
        else:
            is_all = len(refused) == len(NAMES)
            which = "preamble" if is_all else listed(refused, "or")
            yield f"Speaks {_at_once(speaks)} and takes no {which}: {said}."
    elif speaks is None and not report.formats:
        yield "Too little was asked to tell what it does."
    elif speaks is not None and not report.formats:
        yield f"Speaks {_at_once(speaks)}; no preamble was tried to its end."


def _stalled(report: Report) -> Iterator[str]:
    """What silence or an end may mean: a gateway without a node has nothing to say."""
    if report.speaks is not None or report.takes:
        return
    silent = [
        one
        for one in report.formats
        if one.trials and one.trials["whole"].answer.came is Came.SILENCE
    ]
    awaited = [one for one in report.formats if _is_awaited(one)]
    if awaited and report.trials[0].answer.is_end_at_once:
        yield (
            f"It waits for the rest of what begins with {listed(awaited, 'or')} as it"
            " waits for nothing else: it may read that, and what is behind it is down."
        )
    if not silent:
        return
    if report.trials[0].answer.is_end:
        yield (
            f"It does not end what begins with {listed(silent, 'or')} as it ends what"
            " has no preamble: it may have taken it, and wait for what is behind it"
            " (--answer for longer)."
        )
    else:
        yield "It may wait for what is behind it (--answer for longer)."


def _is_awaited(one: FormatReport) -> bool:
    """Return whether half a preamble was waited on, and a whole one ended at once."""
    if "half" not in one.trials:
        return False
    half, whole = one.trials["half"].answer, one.trials["whole"].answer
    waited = half.came is Came.SILENCE or (half.is_end and not half.is_end_at_once)
    return waited and whole.is_end_at_once


def _handshake(report: Report) -> Iterator[str]:
    """That the handshake ended with an alert, of which a preamble is not the cause."""
    asked = [one.trials["whole"] for one in report.takes]
    asked += [one for one in report.trials[:1] if report.speaks is Speech.TLS]
    alert = next((one.answer.alert for one in asked if one.answer.alert), None)
    if alert is not None:
        yield (
            f"It ends the handshake with alert {alert}, so that no page was asked for"
            " (--server-name for another name)."
        )


def _beliefs(report: Report) -> Iterator[str]:
    takes = report.takes
    believed = [one for one in takes if one.belief is Belief.BELIEVED]
    own = [one for one in takes if one.belief is Belief.OWN]
    if believed:
        which = "" if len(believed) == len(takes) else f" by {listed(believed, 'or')}"
        yield f"Believes any address it is told{which}: {_anyone(report)}."
    if own:
        which = "" if len(own) == len(takes) else f" by {listed(own, 'and')}"
        yield (
            f"Does not show the address that it is told{which}: its answer holds yours,"
            f" {report.source}."
        )
    read = [one for one in takes if one.stance is not Stance.IGNORED]
    if read and not believed and not own:
        answers = [one.trials["whole"].answer for one in read]
        if any(one.wants_certificate for one in answers):
            why = "it wants a client's certificate, and a probe has none"
        elif all(one.behind is Speech.FIRST for one in read):
            why = "its greeting shows none"
        elif any(one.text for one in answers):
            why = "its answer shows none (name a page that does with --path)"
        else:
            why = "no page was served behind the preamble"
        yield f"Whether it believes the address is not known: {why}."


def _inside(report: Report) -> Iterator[str]:
    taken = [one for one in report.formats if one.taken("inside")]
    if taken:
        yield f"Within TLS it takes {listed(taken, 'or')}, in front of the request."


def _at_once(speaks: Speech) -> str:
    return "TLS at once" if speaks is Speech.TLS else "HTTP in clear"


def _refusals(refused: Sequence[FormatReport]) -> str:
    """Say what each format got for an answer, those that got the same together."""
    said: dict[str, list[str]] = {}
    for one in refused:
        word = _got(one.trials["whole"].answer)
        said.setdefault(word, []).append(NAMES[one.format])
    return "; ".join(f"{joined(names)} got {word}" for word, names in said.items())


def _got(answer: Answer) -> str:
    if answer.is_end:
        return "the end of the connection"
    return "no answer" if answer.came is Came.SILENCE else answer.said


def _anyone(report: Report) -> str:
    if report.is_from_outside:
        return "anyone who reaches this port as you do can be anyone"
    return "anyone on this machine can be anyone, and whoever else it trusts so"
