"""The sections of a report that are tables: verdicts, pairs, connections, totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection
from sslmagic.capture.pairs import Pair
from sslmagic.capture.totals import Tally, Totals
from sslmagic.capture.verdict import MEANINGS, Verdict
from sslmagic_cli.inspect.record import moment
from sslmagic_cli.inspect.rows import clock, kind
from sslmagic_cli.inspect.summary import counted, span, too_many
from sslmagic_cli.inspect.table import Column, address, row, table

__all__ = [
    "as_front",
    "connection_row",
    "connections",
    "parts",
    "pill",
    "sides",
    "tiles",
    "verdicts",
]

_MOST_PAIRS: Final = 1000
_MOST_NAMES: Final = 10

_VERDICTS: Final = (
    Column("verdict"),
    Column("connections", "number"),
    Column("means"),
    Column("to do", "words"),
)
_CONNECTIONS: Final = (
    Column("#", "number"),
    Column("UTC"),
    Column("client", "address client"),
    Column("peer", "address"),
    Column("listener", "address"),
    Column("format"),
    Column("verdict"),
    Column("to", "name"),
)
_SIDES: Final = (
    Column("client", "address client"),
    Column("came to", "address"),
    Column("became", "address"),
    Column("at", "address"),
    Column("front", "number"),
    Column("back", "number"),
    Column("note", "words"),
)
_WHY: Final = re.compile('(?:<br>)?<span class="why.*?</span>')


def tiles(totals: Totals, fronts: int, pairs: int) -> str:
    """Return the four numbers that say how it stands."""
    faults = totals.faults - fronts
    clients = f"{len(totals.clients):,}" + "+" * bool(totals.clients.others)
    last = "-", "in the capture"
    if pairs:
        last = f"{pairs:,}", "pairs"
    elif totals.first is not None and totals.last is not None:
        last = span(totals.last - totals.first), "in the capture"
    numbers = (
        ("", f"{totals.connections:,}", "connections"),
        ("fault" if faults else "ok", f"{faults:,}", "faults"),
        ("", clients, "networks of clients"),
        ("", *last),
    )
    said = "".join(
        f'<div class="tile {style}"><b>{number}</b><span>{name}</span></div>'
        for style, number, name in numbers
    )
    return f'<div class="tiles">{said}</div>'


def verdicts(totals: Totals, fronts: int) -> str:
    """Return what each verdict means that came, and what to do."""
    rows: list[str] = []
    for verdict, count in totals.by_verdict():
        meaning = MEANINGS[verdict]
        note = ""
        if verdict is Verdict.MISSING and fronts:
            note = (
                f"<br>{pill('front', 'front')} {fronts:,} of them are the client's side"
                " of a gateway, as it must be."
            )
        cells = (
            pill(kind(verdict), verdict),
            f"{count:,}",
            escape(meaning.says) + note,
            escape(meaning.do),
        )
        rows.append(row(_VERDICTS, cells))
    if not rows:
        return ""
    return f"<section><h2>Verdicts</h2>{table(_VERDICTS, rows)}</section>"


def sides(pairs: Sequence[Pair], unmatched: int = 0) -> str:
    """Return which client's connection became which one to a node.

    Args:
        unmatched: connections that were too many to be matched.
    """
    if not pairs and not unmatched:
        return ""
    more = ""
    if unmatched:
        more = f'<p class="muted">{too_many(unmatched).capitalize()}.</p>'
    if len(pairs) > _MOST_PAIRS:
        more += f'<p class="muted">The first {_MOST_PAIRS:,} of {len(pairs):,}.</p>'
    rows = map(_side, pairs[:_MOST_PAIRS])
    said = table(_SIDES, rows, tools="none")
    return f"<section><h2>Both sides of a gateway</h2>{more}{said}</section>"


def _side(pair: Pair) -> str:
    _, _, note = pair.words.partition("; ")
    cells = (
        address(pair.client),
        address(pair.front.listener),
        address(pair.back.peer),
        address(pair.back.listener),
        str(pair.front.number),
        str(pair.back.number),
        escape(note),
    )
    return row(_SIDES, cells)


def connection_row(connection: Connection) -> str:
    """Return the row of one connection."""
    conversation, verdict = connection.conversation, connection.verdict
    name = connection.tls.server_name if connection.tls else None
    to = escape(printable(name)) if name else ""
    if connection.is_remarkable:
        words = f'<span class="why muted">{escape(connection.words)}</span>'
        to = f"{to}<br>{words}" if to else words
    elif not to:
        to = f"<i>{connection.follows}</i>"
    opened = conversation.opened
    cells = (
        str(conversation.number),
        f'<time datetime="{escape(moment(opened))}">{escape(clock(opened))}</time>',
        address(connection.client),
        address(conversation.peer),
        address(conversation.listener),
        connection.format or "",
        pill(kind(verdict), verdict),
        to,
    )
    return row(_CONNECTIONS, cells, verdict=verdict)


def as_front(said: str) -> str:
    """Return the row of a connection that turned out to be a gateway's front."""
    missing = pill(kind(Verdict.MISSING), Verdict.MISSING)
    said = said.replace(missing, pill("front", "front"), 1)
    said = said.replace(f'data-verdict="{Verdict.MISSING}"', 'data-verdict="front"', 1)
    return _WHY.sub("", said)


def connections(rows: Sequence[str], totals: Totals, fronts: int) -> str:
    """Return the table of connections, and what filters it.

    Args:
        fronts: how many of those whose verdict is missing are called so.
    """
    if not rows:
        return ""
    note = ""
    if totals.connections > len(rows):
        note = (
            f'<p class="muted">The first {counted(len(rows), "connection")} of'
            f" {totals.connections:,} are in this table; --csv, --json and --parquet"
            " have all.</p>"
        )
    names = Counter({str(verdict): count for verdict, count in totals.by_verdict()})
    names.subtract({Verdict.MISSING: fronts})
    names["front"] = fronts
    options = "".join(
        f'<option value="{name}">{name}</option>' for name in names if names[name]
    )
    tools = (
        '<div class="tools" id="tools" hidden>'
        '<input type="search" aria-label="Filter connections"'
        ' placeholder="Filter: an address, a name, a verdict">'
        '<select aria-label="Verdict"><option value="">every verdict</option>'
        f'{options}</select><output class="muted" aria-live="polite"></output></div>'
    )
    said = table(_CONNECTIONS, rows, tools="tools")
    return (
        f'<section id="connections"><h2>Connections</h2>{note}{tools}{said}</section>'
    )


def parts(totals: Totals) -> str:
    """Return who there is, the commonest first."""
    names = (
        ("Clients, by network", totals.clients),
        ("Peers", totals.peers),
        ("Listeners", totals.listeners),
        ("Names that TLS asks for", totals.server_names),
    )
    said = "".join(_tally(name, tally) for name, tally in names if len(tally))
    if not said:
        return ""
    return f'<section><h2>Who and where</h2><div class="halves">{said}</div></section>'


def _tally(name: str, tally: Tally) -> str:
    most = tally.most(_MOST_NAMES)
    rows = "".join(_bars(most, most[0][1]))
    left = len(tally) - len(most)
    more = f'<tr><td class="muted" colspan="3">{left:,} more</td></tr>' * bool(left)
    return f"<div><h3>{name}</h3><table><tbody>{rows}{more}</tbody></table></div>"


def _bars(most: Iterable[tuple[str, int]], top: int) -> Iterable[str]:
    for said, count in most:
        yield (
            f'<tr><td class="mono">{escape(printable(said))}</td>'
            f'<td class="number">{count:,}</td><td class="bar">'
            '<svg class="share" aria-hidden="true" width="100%" height="8"><rect'
            f' class="front" width="{100 * count / top:.1f}%" height="8" rx="3"/></svg>'
            "</td></tr>"
        )


def pill(style: str, said: str) -> str:
    """Return a verdict in its colour."""
    return f'<span class="pill {style}">{said}</span>'
