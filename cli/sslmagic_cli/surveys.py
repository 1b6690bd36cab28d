"""What a probe heard at each address of one name, for JSON and for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import printable
from sslmagic.probe import Belief, FormatReport, Report, Stance, alike
from sslmagic.probe.names import NAMES
from sslmagic_cli import render, survey

__all__ = ["described", "drawn"]


def described(reports: Sequence[Report]) -> dict[str, object]:
    """Return the report on the first address that was reached, in values JSON has.

    Those on the other addresses are its `others`, and `alike` is whether all that were
    reached do the same.
    """
    reached = _reached(reports)
    others = [survey.described(one) for one in reports if one is not reached[0]]
    is_alike = len(alike(reached)) == 1
    return survey.described(reached[0]) | {"alike": is_alike, "others": others}


def drawn(reports: Sequence[Report], *, verbose: bool) -> str:
    """Return the reports for a person: all in a table, then each that is unlike.

    *verbose* adds every question and answer, and each that is like another.
    """
    if len(reports) == 1:
        return survey.drawn(reports[0], verbose=verbose)
    reached = _reached(reports)
    groups = alike(reached)
    parts: list[RenderableType] = [Text(_summary(reports, groups)), "", _table(reached)]
    parts += [
        Text(f"No connection to {one.target}: {printable(one.unreached)}")
        for one in reports
        if one not in reached
    ]
    said = [render.drawn(*parts)]
    for first, *others in groups:
        told = [first, *others] if verbose else [first]
        said += [survey.drawn(one, verbose=verbose) for one in told]
        if others and not verbose:
            where = ", ".join(str(one.target) for one in others)
            said.append(render.drawn(render.note(f"The same at {where}.")))
    return "\n\n".join(said)


def _reached(reports: Sequence[Report]) -> Sequence[Report]:
    return [one for one in reports if one.is_reachable]


def _summary(reports: Sequence[Report], groups: Sequence[Sequence[Report]]) -> str:
    known = f"{reports[0].target.name}: {len(reports)} addresses asked"
    reached = sum(map(len, groups))
    if reached < len(reports):
        known += f", of which {reached} can be reached"
    if reached == 1:
        return f"{known}."
    if len(groups) == 1:
        return f"{known}; they do the same."
    return f"{known}; they do not do the same."


def _table(reports: Sequence[Report]) -> Table:
    formats = [one.format for one in max((one.formats for one in reports), key=len)]
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for title in ("", "without", *(NAMES[format] for format in formats)):
        table.add_column(title)
    for report in reports:
        stances = {one.format: _stance(one) for one in report.formats}
        cells = [stances.get(format, Text("")) for format in formats]
        table.add_row(Text(str(report.target), "bold"), _without(report), *cells)
    return table


def _without(report: Report) -> Text:
    """Return what is served without a preamble, or what a ClientHello got."""
    if report.speaks is None:
        return Text(printable(report.trials[0].answer.said), "dim")
    return Text(survey.SPEECH[report.speaks])


def _stance(one: FormatReport) -> Text:
    is_refused = one.stance is Stance.REFUSED
    said = str(one.stance)
    if one.is_taken and one.belief is not Belief.NOT_SHOWN:
        said += f", {survey.BELIEFS[one.belief]}"
    return Text(said, "dim" if is_refused else "bold")
