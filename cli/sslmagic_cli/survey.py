"""What a probe heard, as JSON says it and as people read it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import anatomy, printable
from sslmagic.probe import (
    Answer,
    Belief,
    Came,
    Finding,
    Report,
    Severity,
    Speech,
    Stance,
    Trial,
    findings,
    verdict,
)
from sslmagic.probe.names import NAMES
from sslmagic_cli import render

__all__ = ["BELIEFS", "SPEECH", "described", "drawn"]

_ROWS = {
    "whole": "whole",
    "control": "no preamble, but alike",
    "halves": "in two pieces",
    "octets": "octet by octet",
    "late": "late",
    "local": "without a client",
    "bad_checksum": "with a wrong CRC32C",
    "checksum": "with a right CRC32C",
    "nested": "two of them",
    "loopback": "claiming loopback",
    "clear": "a request in clear behind",
    "inside": "within TLS",
    "half": "half of it",
    "again": "whole once more",
}
SPEECH = {
    Speech.TLS: "TLS",
    Speech.HTTP: "HTTP in clear",
    Speech.FIRST: "speaks first",
}
"""What is spoken without a preamble."""
BELIEFS = {
    Belief.BELIEVED: "believed",
    Belief.OWN: "yours shown",
    Belief.NOT_SHOWN: "not shown",
}
"""Whose address the page shows behind a preamble."""
_WAITS = {
    "silent": "says nothing",
    "half": "sends half a preamble",
    "after": "sends a preamble and no more",
}
_GRAVE = {
    Severity.HIGH: "bold white on red",
    Severity.MEDIUM: "bold red",
    Severity.LOW: "yellow",
    Severity.NOTE: "dim",
}
_MOST = 64
"""Octets of an answer that are shown."""


def described(report: Report) -> dict[str, object]:
    """Return the report in values that JSON has."""
    target = report.target
    host, port = target.address
    if target.zone is not None:
        host = f"{host}%{target.zone}"
    return {
        "target": {"name": target.name, "host": host, "port": port},
        "reachable": report.is_reachable,
        "source": report.source,
        "speaks": report.speaks,
        "formats": {
            one.format: {
                "stance": one.stance,
                "behind": one.behind,
                "belief": one.belief,
                "trials": {name: trial.taken for name, trial in one.trials.items()},
            }
            for one in report.formats
        },
        "waits": {
            name: {
                "seconds": round(trial.answer.lasted, 3),
                "ended": trial.answer.ended,
            }
            for name, trial in _waits(report)
        },
        "verdict": verdict(report),
        "findings": [
            {"severity": one.severity, "words": one.words} for one in findings(report)
        ],
        "steady": not report.unsteady,
        "stopped": report.stopped,
        "seconds": round(report.seconds, 3),
        "evidence": [_evidence(trial) for trial in report.trials],
    }


def drawn(report: Report, *, verbose: bool) -> str:
    """Return the report for a person; *verbose* adds every question and answer."""
    target = report.target
    head = Text.assemble((str(target), "bold"), f"  asked from {report.source}")
    head.append(f"  {len(report.trials)} questions in {report.seconds:.1f} s", "dim")
    parts: list[RenderableType] = [head, "", Text(verdict(report)), ""]
    if any(one.trials for one in report.formats):
        parts += [_table(report), ""]
    for name, trial in _waits(report):
        parts.append(f"Whoever {_WAITS[name]}: {_lasted(trial.answer)}")
    if found := findings(report):
        parts += ["", _findings(found)]
    if report.stopped:
        parts += ["", render.note(f"Not all was asked: {report.stopped}.")]
    text = render.drawn(*parts)
    if not verbose:
        return text
    return "\n".join([text, *map(_shown, report.trials)])


def _lasted(answer: Answer) -> str:
    if answer.is_end_at_once:
        return "ended at once"
    lasted = f"{answer.lasted:.1f} s"
    if answer.ended:
        return f"ended after {lasted}"
    if answer.sends_on:
        return f"is sent ever more, left after {lasted}"
    return f"still waited for after {lasted}"


def _waits(report: Report) -> Iterator[tuple[str, Trial]]:
    found = {"silent": report.silent, "half": report.half, "after": report.after}
    for name, trial in found.items():
        if trial is not None:
            yield name, trial


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    table.add_column("")
    for one in report.formats:
        table.add_column(NAMES[one.format])
    table.add_row("", *(_stance(one.stance) for one in report.formats))
    if report.takes:
        table.add_row(
            "address",
            *(BELIEFS[one.belief] if one.is_taken else "" for one in report.formats),
        )
    for name, words in _ROWS.items():
        if any(name in one.trials for one in report.formats):
            trials = [one.trials.get(name) for one in report.formats]
            table.add_row(words, *(_cell(name, one) for one in trials))
    return table


def _findings(found: Sequence[Finding]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for one in found:
        table.add_row(Text(one.severity, _GRAVE[one.severity]), Text(one.words))
    return table


def _stance(stance: Stance) -> Text:
    return Text(stance, "dim" if stance is Stance.REFUSED else "bold")


def _cell(name: str, trial: Trial | None) -> Text:
    if trial is None:
        return Text("")
    if trial.taken:
        return Text("taken", "green")
    if trial.answer.came is Came.SILENCE:
        # Who waits has refused nothing: what is behind it may be slow, or down.
        return Text("no answer", "yellow")
    if name == "half":
        return Text(printable(trial.answer.said), "dim")
    return Text(f"refused: {printable(trial.answer.said)}", "dim")


def _evidence(trial: Trial) -> dict[str, object]:
    question, answer = trial.question, trial.answer
    return {
        "question": question.name,
        "words": question.words,
        "sent": question.preamble.hex(),
        "pieces": len(question.pieces),
        "then": question.then,
        "taken": trial.taken,
        "belief": trial.belief,
        "answer": answer.came,
        "alert": answer.alert,
        "status": answer.status,
        "version": answer.version,
        "error": answer.error,
        "octets": answer.octets[:_MOST].hex(),
        "text": answer.text[:1024].decode("latin-1"),
        "seconds": round(answer.seconds, 3),
        "lasted": round(answer.lasted, 3),
        "ended": answer.ended,
    }


def _shown(trial: Trial) -> str:
    """Return one question and its answer, the octets annotated."""
    question, answer = trial.question, trial.answer
    head = Text.assemble("\n", (question.name, "bold"), f"  {question.words}")
    parts: list[RenderableType] = [head]
    if question.preamble:
        parts.append(render.fields(anatomy(question.preamble)))
    came = f"{printable(answer.said)}, after {answer.seconds:.3f} s"
    if answer.text:
        line = answer.text[:_MOST].partition(b"\r\n")[0].decode("latin-1")
        came += f": {printable(line)}"
    parts.append(Text(f"-> {came}; {'taken' if trial.taken else 'not taken'}"))
    return render.drawn(*parts, to=sys.stdout)
