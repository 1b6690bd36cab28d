"""What stands below the rows: totals, and which client became which connection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import printable
from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import LIMIT, Pair
from sslmagic.capture.totals import Tally, Totals
from sslmagic.capture.verdict import MEANINGS, Verdict
from sslmagic_cli.inspect.rows import shown, style_of

__all__ = ["counted", "lacking", "matched", "span", "summary", "too_many"]

_MOST = 5
"""Names of each kind."""
_SECOND = 1_000_000_000


def summary(
    totals: Totals, counts: Counts | None, explained: int
) -> Iterable[RenderableType]:
    """Yield the lines and tables of totals.

    Args:
        explained: faults that are none, because they are the front side of a pair.
    """
    yield Text()
    yield _headline(totals, counts, explained)
    if totals.connections:
        yield Text()
        yield _verdicts(totals, explained)
    if parts := [*_parts(totals)]:
        yield Text()
        yield _beside(parts)


def matched(
    pairs: Sequence[Pair], more: int, unmatched: int = 0
) -> Iterable[RenderableType]:
    """Yield the table of pairs; nothing if there are none.

    Args:
        more: pairs that are not shown.
        unmatched: connections that were too many to be matched.
    """
    if unmatched:
        yield Text()
        yield Text(too_many(unmatched), "yellow")
    if not pairs:
        return
    yield Text()
    yield Text("both sides of a gateway", "bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("client", overflow="fold")
    table.add_column("node connection", overflow="fold")
    table.add_column("#", justify="right", style="dim", no_wrap=True)
    table.add_column("to", overflow="fold")
    for pair in pairs:
        table.add_row(
            str(pair.front.number),
            Text(shown(pair.client), "bold green"),
            Text(shown(pair.back.peer)),
            str(pair.back.number),
            Text(shown(pair.back.listener)),
        )
        _, _, note = pair.words.partition("; ")
        if note:
            table.add_row("", Text(note, "yellow"))
    yield table
    if more:
        yield Text(f"and {counted(more, 'pair')} more: --pairs", "dim")


def too_many(unmatched: int) -> str:
    """Return why the other side of a connection may be there and not be found."""
    return (
        f"the first {counted(unmatched, 'connection')} matched with none, because more"
        f" than {LIMIT:,} could be a side: fronts among them count as faults"
    )


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in groups of three digits."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _headline(totals: Totals, counts: Counts | None, explained: int) -> Text:
    text = Text(counted(totals.connections, "connection"), "bold")
    if totals.first is not None and totals.last is not None:
        text.append(f" in {span(totals.last - totals.first)}", "")
    faults = totals.faults - explained
    if faults:
        text.append(", ").append(counted(faults, "fault"), "bold red")
    elif totals.connections:
        text.append(", ").append("no fault", "green")
    if explained:
        text.append(f", {counted(explained, 'front')} of a gateway", "dim")
    if totals.rebuffed:
        said = f", {totals.rebuffed:,} in order that the listener turned down"
        text.append(said, "bold yellow")
    if totals.conflicting:
        said = f", {totals.conflicting:,} with octets that came twice and differ"
        text.append(said, "bold yellow")
    if counts is not None:
        text.append(f"; {counted(counts.packets, 'packet')}", "dim")
        for number, said in lacking(counts):
            text.append(f", {number:,} {said}", "yellow")
    return text


def lacking(counts: Counts) -> Iterable[tuple[int, str]]:
    """Yield of what a capture has less than was on the wire, and how often."""
    for number, said in (
        (counts.cut, "cut short by the capture"),
        (counts.fragments, "fragments"),
        (counts.incomplete, "of fragments that are not all there"),
        (counts.unreadable, "unreadable"),
        (counts.forgotten, "connections given up, too many were open"),
    ):
        if number:
            yield number, said


def span(nanoseconds: int) -> str:
    """Return how long something took, in the unit that suits it."""
    seconds = nanoseconds / _SECOND
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, _ = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _verdicts(totals: Totals, explained: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("verdict", no_wrap=True)
    table.add_column("connections", justify="right", no_wrap=True)
    table.add_column("means")
    for verdict, count in totals.by_verdict():
        means = Text(MEANINGS[verdict].says, "dim")
        if verdict is Verdict.MISSING and explained:
            means.append(f" Of these {explained:,} at the front of a gateway.")
        table.add_row(Text(str(verdict), style_of(verdict)), f"{count:,}", means)
    return table


def _parts(totals: Totals) -> Iterable[Table]:
    for name, tally in (
        ("clients", totals.clients),
        ("peers", totals.peers),
        ("listeners", totals.listeners),
        ("names", totals.server_names),
    ):
        if len(tally):
            yield _tally(name, tally)


def _tally(name: str, tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(name, overflow="fold", max_width=26)
    table.add_column("", justify="right", no_wrap=True)
    for said, count in tally.most(_MOST):
        table.add_row(Text(printable(said)), f"{count:,}")
    if len(tally) > _MOST:
        table.add_row(Text(f"{len(tally) - _MOST:,} more", "dim"))
    return table


def _beside(tables: Sequence[Table]) -> RenderableType:
    """Return the tables in two columns, which fit on any terminal."""
    rows: list[RenderableType] = []
    for at in range(0, len(tables), 2):
        if rows:
            rows.append(Text())
        grid = Table.grid(padding=(0, 4, 0, 0))
        grid.add_row(*tables[at : at + 2])
        rows.append(grid)
    return Group(*rows)
