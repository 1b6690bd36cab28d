"""`--html FILE`: a report that a person shows a colleague, in one file.

It needs no network, and says so to the browser: its policy allows the one style and the
one script that stand in it, by their hashes. Whatever came over the network is escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from typing import Final

from sslmagic.anatomy import printable
from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Counts
from sslmagic.capture.pairs import Pair
from sslmagic.capture.totals import Totals
from sslmagic.capture.verdict import MEANINGS, Verdict
from sslmagic_cli.inspect import example, sections
from sslmagic_cli.inspect.record import moment
from sslmagic_cli.inspect.rows import kind
from sslmagic_cli.inspect.summary import counted, lacking
from sslmagic_cli.inspect.timeline import Timeline

__all__ = ["MOST_ROWS", "Page"]

MOST_ROWS: Final = 5000
"""Connections that have a row: about 3 MB, which a browser shows at once."""
_MOST_EXAMPLES: Final = 10
"""Faults of one verdict that are shown octet by octet."""


class Page:
    """Gathers a report, in bounded memory."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str]] = []
        self._examples: defaultdict[Verdict, list[tuple[int, str]]] = defaultdict(list)
        self._captures: dict[str, None] = {}
        self._timeline = Timeline()

    def add(self, connection: Connection) -> None:
        """Take one connection."""
        number = connection.conversation.number
        self._captures.setdefault(connection.conversation.capture)
        self._timeline.add(connection, kind(connection.verdict))
        if len(self._rows) < MOST_ROWS:
            self._rows.append((number, sections.connection_row(connection)))
        examples = self._examples[connection.verdict]
        if connection.is_fault and len(examples) < _MOST_EXAMPLES:
            examples.append((number, example.drawn(connection)))

    def whole(
        self,
        totals: Totals,
        counts: Counts | None,
        pairs: Sequence[Pair],
        fronts: set[int],
        *,
        unmatched: int = 0,
    ) -> str:
        """Return the document.

        Args:
            fronts: the numbers of faults that are none, because they are the front side
                of a pair.
            unmatched: connections that were too many to be matched.
        """
        style, script = _part("page.css"), _part("page.js")
        policy = (
            f"default-src 'none'; style-src '{_hash(style)}'; script-src"
            f" '{_hash(script)}'; base-uri 'none'; form-action 'none'"
        )
        rows = [
            sections.as_front(text) if number in fronts else text
            for number, text in self._rows
        ]
        body = "\n".join(
            part
            for part in (
                self._head(totals),
                "<main>",
                sections.tiles(totals, len(fronts), len(pairs)),
                self._time(totals, pairs, fronts),
                sections.verdicts(totals, len(fronts)),
                self._faults(totals, fronts),
                sections.sides(pairs, unmatched),
                sections.connections(rows, totals, len(fronts)),
                sections.parts(totals),
                "</main>",
                _foot(totals, counts),
            )
            if part
        )
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta name="color-scheme" content="light dark">\n'
            '<meta name="referrer" content="no-referrer">\n'
            f"<title>What is on the wire: {escape(self._named())}</title>\n"
            f"<style>{style}</style>\n</head>\n<body>\n{body}\n"
            f"<script>{script}</script>\n</body>\n</html>\n"
        )

    def _named(self) -> str:
        names = [printable(name) for name in self._captures]
        if len(names) > 3:
            names[3:] = [f"{len(names) - 3} more"]
        return ", ".join(names) or "nothing"

    def _head(self, totals: Totals) -> str:
        when = ""
        if totals.first is not None and totals.last is not None:
            first, last = moment(totals.first), moment(totals.last)
            same = 11 if first[:10] == last[:10] else 0
            when = f"<br>{_time_of(first)} to {_time_of(last, same)}"
        return (
            '<a class="skip" href="#connections">To the connections</a>\n<header>'
            "<h1>What is on the wire</h1>"
            f'<p class="lead">{escape(self._named())}{when}</p></header>'
        )

    def _time(self, totals: Totals, pairs: Sequence[Pair], fronts: set[int]) -> str:
        if not totals.connections:
            return "<section><h2>No connections</h2><p>None is in there.</p></section>"
        kinds = {kind(verdict) for verdict in totals.verdicts}
        if fronts:
            kinds.add("front")
            doubts = sum(n for one, n in totals.by_verdict() if kind(one) == "doubt")
            kinds -= {"doubt"} if doubts == len(fronts) else set()
        opened = {
            pair.front.number: pair.front.opened
            for pair in pairs
            if pair.front.number in fronts
        }
        legend = "".join(
            f'<li class="{name}">{said}</li>'
            for name, said in _LEGEND.items()
            if name in kinds
        )
        return (
            "<section><h2>Over time</h2>"
            f'<ul class="legend">{legend}</ul>{self._timeline.drawn(opened)}</section>'
        )

    def _faults(self, totals: Totals, fronts: set[int]) -> str:
        """Return the examples, by verdict: what is surely wrong first."""
        groups: list[str] = []
        verdicts = sorted(totals.by_verdict(), key=lambda one: kind(one[0]) != "fault")
        for verdict, count in verdicts:
            found = [text for n, text in self._examples[verdict] if n not in fronts]
            if not found:
                continue
            if not groups:
                # Open, so that it is seen what there is to be opened.
                found[0] = found[0].replace("<details>", "<details open>", 1)
            count -= len(fronts) if verdict is Verdict.MISSING else 0
            more = f"; the first {len(found)}" if count > len(found) else ""
            groups.append(
                f'<div class="group"><h3>{sections.pill(kind(verdict), verdict)}'
                f" {counted(count, 'connection')}{more}</h3>"
                f'<p class="advice">{escape(MEANINGS[verdict].do)}</p>'
                f"{''.join(found)}</div>"
            )
        if not groups:
            return ""
        return f"<section><h2>Faults</h2>{''.join(groups)}</section>"


_LEGEND: Final = {
    "ok": "ok",
    "front": "front of a gateway",
    "doubt": "in doubt",
    "fault": "faulty",
}


def _foot(totals: Totals, counts: Counts | None) -> str:
    said = [*_packets(totals, counts)] if counts is not None else []
    return (
        f"<footer><p>{escape(', '.join(said))}{'. ' * bool(said)}Times are UTC. Made"
        " by <b>magic inspect</b>.</p></footer>"
    )


def _packets(totals: Totals, counts: Counts) -> Iterator[str]:
    if totals.rebuffed:
        rebuffed = counted(totals.rebuffed, "connection")
        yield f"{rebuffed} in order that the listener turned down"
    if totals.conflicting:
        conflicts = counted(totals.conflicting, "connection")
        yield f"{conflicts} with octets that came twice and differ"
    yield counted(counts.packets, "packet")
    for number, what in (
        (counts.not_ip, "not IP"),
        (counts.not_tcp, "not TCP"),
        *lacking(counts),
    ):
        if number:
            yield f"{number:,} {what}"


def _time_of(said: str, start: int = 0) -> str:
    short = said[start:23].replace("T", " ")
    return f'<time datetime="{escape(said)}">{escape(short)}</time>'


def _part(name: str) -> str:
    return (resources.files("sslmagic_cli.inspect") / name).read_text("utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
