"""What the demonstration looks like, on a terminal or anywhere else.

Everything that came over the network is drawn as `Text`, which has no markup, and is
printable: an address, or octets in hex.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn, TextIO

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sslmagic.anatomy import anatomy, printable
from sslmagic_cli import render
from sslmagic_cli.demo.client import CLIENT, SPOOFER, Visit
from sslmagic_cli.demo.scenes import (
    Claim,
    Clear,
    Formats,
    Passthrough,
    Spoofing,
)
from sslmagic_cli.demo.stage import Stage

__all__ = ["Picture"]

_WIDTH = 80
"""Columns that are filled at most: a wider terminal makes no better lines."""
_BOXED = 77
"""Columns that the boxes of client, gateway and backend take."""
_HELLO_SHOWN = 8
"""Octets of the ClientHello that are shown after the preamble."""
_HELLO = "TLS: the ClientHello"
_YOURS = "magic gateway --listen :443 --node 10.0.0.7:443 --enhance magic"
_LISTEN = "server.socket = sockets.listen(address, trust=trust, ssl=context)"

_TRUE, _FALSE, _ADDRESS = "bold green", "bold red", "bold green"


class _Glyphs(NamedTuple):
    """The characters that are not ASCII, or what stands for them."""

    yes: str
    no: str
    line: str
    head: str
    side: str
    corners: str
    more: str


_UNICODE = _Glyphs("✔", "✘", "─", "▶", "│", "╭╮╰╯", "…")
_ASCII = _Glyphs("ok", "NOT SO", "-", ">", "|", "++++", "...")


class _Console(Console):
    """One that leaves a closed pipe to the command, instead of exiting with 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Say what happened: the command knows how to end."""
        raise BrokenPipeError


class Picture:
    """Draws each scene as soon as it is over."""

    def __init__(self, *, plain: bool = False, to: TextIO | None = None) -> None:
        stream = to or sys.stdout
        self._console = _Console(
            file=stream,
            highlight=False,
            emoji=False,
            # Not even when FORCE_COLOR says so.
            force_terminal=False if plain else None,
        )
        self._console.width = min(self._console.width, _WIDTH)
        self._glyphs = _ASCII if plain or not _says_unicode(stream) else _UNICODE
        self._scenes = 0

    def path(self, stage: Stage) -> None:
        """Draw who is where."""
        gateway = stage.gateways["magic"].address
        boxes = (
            (("client", "bold"), (CLIENT, _ADDRESS), ("verifies", "dim")),
            (("gateway", "bold"), (str(gateway), ""), ("reads no TLS", "dim")),
            (
                ("backend", "bold"),
                (str(stage.backend.address), ""),
                ("terminates TLS", "dim"),
            ),
        )
        arrows = (
            (("TLS", ""), 8, ("", "")),
            (("preamble", _ADDRESS), 12, ("and the TLS", "")),
        )
        self._console.print()
        self._console.print(Text("A client's address through TLS passthrough", "bold"))
        self._console.print()
        if self._console.width < _BOXED:
            self._print(_steps(boxes, arrows, self._glyphs))
        else:
            self._print(*_path(boxes, arrows, self._glyphs))

    def plain(self, scene: Passthrough) -> None:
        """Draw what the backend sees without a preamble."""
        self._scene("Passthrough alone", "magic gateway --enhance none")
        self._print(self._visits(scene.visits))
        self._claims(scene.claims)

    def enhanced(self, scene: Passthrough) -> None:
        """Draw what it sees with one, and the octets that make the difference."""
        self._scene("With a preamble", "magic gateway --enhance magic")
        self._print(self._visits(scene.visits))
        if scene.octets:
            self._say("What the gateway sends to the backend, octet by octet:")
            self._console.print()
            *parts, rest = anatomy(scene.octets)
            hello = rest._replace(octets=rest.octets[:_HELLO_SHOWN], meaning=_HELLO)
            self._print(render.fields([*parts, hello]))
        else:
            self._say("The gateway sent nothing to the backend.")
        self._say("The backend is Python's http.server, with a listener of ours:")
        self._print(Text(_LISTEN, "cyan"))
        self._claims(scene.claims)

    def formats(self, scene: Formats) -> None:
        """Draw the formats side by side."""
        self._scene("In each format", "--enhance magic | proxy1 | proxy2")
        table = _table(
            "format", "octets", "on the wire", "backend sees", "", folds=(2,)
        )
        table.columns[1].justify = "right"
        for format, octets, came in scene.rows:
            table.add_row(
                Text(format),
                Text(str(len(octets))),
                Text(_excerpt(octets, self._glyphs.more), "dim"),
                Text(str(came.seen), _ADDRESS),
                self._mark(holds=came.is_seen),
            )
        self._print(table)
        self._claims(scene.claims)

    def spoofing(self, scene: Spoofing) -> None:
        """Draw what became of each attempt."""
        self._scene("A spoofer", "Trust(peers=['127.0.0.1'])")
        table = _table("from", "tries", "gets", "", folds=(1,))
        for one in scene.attempts:
            table.add_row(
                Text(one.source, "red" if one.source == SPOOFER else ""),
                Text(one.tries),
                Text(one.gets),
                self._mark(holds=one.claim.holds),
            )
        self._print(table)
        if scene.log:
            self._say("The backend's log:")
        for line in scene.log:
            self._print(Text(printable(line)))
        self._claims(scene.claims)

    def clear(self, scene: Clear) -> None:
        """Draw the headers as they were sent and as they arrived."""
        self._scene("Plaintext HTTP", "magic gateway --protocol http")
        sends = f"the client {scene.client.host} sends"
        table = _table(sends, "the backend gets", folds=(0, 1))
        arrived = [scene.sent[0], *(scene.arrived[0] if scene.arrived else ())]
        table.add_row(
            _lines(scene.sent, lambda line: "red" if _names(line) else ""),
            _lines(arrived, lambda line: _ADDRESS if _names(line) else ""),
        )
        self._print(table)
        self._claims(scene.claims)

    def end(self, claims: Iterable[Claim], seconds: float) -> None:
        """Draw the sum of it."""
        claims = list(claims)
        failed = sum(not claim.holds for claim in claims)
        self._console.print()
        if failed:
            said = f"{failed} of {len(claims)} do not hold"
        else:
            said = f"all {len(claims)} of these hold"
        mark = self._mark(holds=not failed)
        self._console.print(Text.assemble(mark, f" {said}, in {seconds:.1f} s"))
        self._console.print()
        self._console.print(Text.assemble(("Yours: ", "dim"), (_YOURS, "cyan")))

    def _scene(self, title: str, command: str) -> None:
        self._scenes += 1
        heading = Text.assemble(
            (f"{self._scenes}  {title} ", "bold"), (f" {command} ", "cyan")
        )
        self._console.print()
        self._console.print(
            Rule(heading, align="left", characters=self._glyphs.line, style="dim")
        )
        self._console.print()

    def _visits(self, visits: Iterable[Visit]) -> Table:
        table = _table("client", "is", "TLS", "backend sees", "")
        for came in visits:
            style = _ADDRESS if came.is_seen else "yellow"
            table.add_row(
                Text(came.program),
                Text(str(came.local or CLIENT), _ADDRESS),
                Text(came.version),
                Text(str(came.seen or "nobody"), style),
                self._mark(holds=True) if came.is_seen else Text(),
            )
        return table

    def _claims(self, claims: Iterable[Claim]) -> None:
        self._console.print()
        for claim in claims:
            said = (f" {claim.said}", "" if claim.holds else "red")
            self._print(Text.assemble(self._mark(holds=claim.holds), said))

    def _mark(self, *, holds: bool) -> Text:
        if holds:
            return Text(self._glyphs.yes, _TRUE)
        return Text(self._glyphs.no, _FALSE)

    def _say(self, said: str) -> None:
        self._console.print()
        self._print(Text(said, "dim"))

    def _print(self, *parts: RenderableType) -> None:
        for part in parts:
            self._console.print(Padding(part, (0, 0, 0, 3), expand=False))


def _table(*columns: str, folds: Iterable[int] = ()) -> Table:
    """Return a table whose columns *folds* give way where the terminal is narrow."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number not in folds, overflow="fold")
    return table


_Said = tuple[str, str]
"""Text and its style."""


def _path(
    boxes: Iterable[tuple[_Said, ...]],
    arrows: Iterable[tuple[_Said, int, _Said]],
    glyphs: _Glyphs,
) -> list[Text]:
    """Return the lines of boxes with arrows between them."""
    rows = [Text() for _ in range(5)]
    between = iter(arrows)
    for box in boxes:
        if len(rows[0]):
            above, length, below = next(between)
            _arrow(rows, above, length, below, glyphs)
        _box(rows, box, glyphs)
    return rows


def _steps(
    boxes: Iterable[tuple[_Said, ...]],
    arrows: Iterable[tuple[_Said, int, _Said]],
    glyphs: _Glyphs,
) -> Table:
    """Return the same below each other, for a narrow terminal."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    between = iter(arrows)
    for box in boxes:
        if table.row_count:
            above, _, below = next(between)
            said = Text(" ").join(Text(*part) for part in (above, below) if part[0])
            table.add_row(
                "", Text.assemble((glyphs.line + glyphs.head, "dim"), " ", said)
            )
        table.add_row(*(Text(*said) for said in box))
    return table


def _box(rows: list[Text], lines: tuple[_Said, ...], glyphs: _Glyphs) -> None:
    width = max(len(text) for text, _ in lines)
    line = glyphs.line * (width + 2)
    corners = glyphs.corners
    rows[0].append(corners[0] + line + corners[1], "dim")
    for row, (text, style) in zip(rows[1:-1], lines, strict=True):
        row.append(glyphs.side, "dim").append(" ")
        row.append(text.ljust(width), style)
        row.append(" ").append(glyphs.side, "dim")
    rows[-1].append(corners[2] + line + corners[3], "dim")


def _arrow(
    rows: list[Text], above: _Said, length: int, below: _Said, glyphs: _Glyphs
) -> None:
    shaft = glyphs.line * (length - 1) + glyphs.head
    cells = [("", ""), above, (shaft, "dim"), below, ("", "")]
    for row, (text, style) in zip(rows, cells, strict=True):
        row.append(f" {text.center(length)} ", style)


def _lines(lines: Iterable[str], style: Callable[[str], str]) -> Text:
    return Text("\n").join(Text(printable(line), style(line)) for line in lines)


def _names(line: str) -> bool:
    return "cluster" in line.lower()


def _excerpt(octets: bytes, more: str) -> str:
    """Return the first octets, as text where that is what they are."""
    said = octets.decode("latin-1") if octets.isascii() else ""
    if said.strip().isprintable() and said:
        return f"{said[:26]}{more}"
    return f"{octets[:9].hex(' ')}{more}"


def _says_unicode(to: TextIO) -> bool:
    return (to.encoding or "").lower().replace("-", "").startswith("utf")
