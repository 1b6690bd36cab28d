"""One run of `magic inspect`: captures in, and each connection to whoever wants it."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeVar

from rich.console import Console, RenderableType

from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import Judge
from sslmagic.capture.pairs import Hop, Pair, Pairs
from sslmagic.capture.selection import Selection
from sslmagic.capture.totals import Totals
from sslmagic.capture.verdict import Verdict
from sslmagic.errors import CaptureError
from sslmagic_cli import output, render
from sslmagic_cli.acceptance import trust_of
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.inspect import columns, document, files, sheet
from sslmagic_cli.inspect.extract import Extract, Extracted
from sslmagic_cli.inspect.full import full
from sslmagic_cli.inspect.page import Page
from sslmagic_cli.inspect.progress import progress
from sslmagic_cli.inspect.record import body, paired, summed
from sslmagic_cli.inspect.rows import Lines, Rows
from sslmagic_cli.inspect.spool import Spool
from sslmagic_cli.inspect.summary import matched, summary

__all__ = ["Inspection"]

_FEW_PAIRS: Final = 20
_BATCH: Final = 256
"""Rows that are written at a time, once all is read."""
_NO_LINES: Final[Lines] = ([], [], [])

_Taker = Callable[[int, Extracted], object]
"""Takes a connection's number, and what was extracted of it."""
_T = TypeVar("_T")


class Inspection:
    """Reads captures once, and writes what was asked for.

    Args:
        options: the command's, by their names.
    """

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._captures: tuple[str, ...] = options["captures"]
        self._judge = _judge(options)
        self._selection = _selection(options)
        self._selects = self._selection != Selection()
        self._totals = Totals()
        self._pairs = Pairs()
        self._numbers: set[int] = set()
        """Of the connections that are selected, if not all are."""
        self._rows = Rows(Console(file=sys.stdout), wrap=output.is_terminal())
        is_whole = all(Path(name).is_file() for name in self._captures)
        self._is_live = self._shows_rows and not is_whole
        """Whether rows are said at once, as a capture may still be written; else they
        wait until it is known which of them are the front of a gateway."""
        self._early: dict[int, tuple[Verdict, Lines]] = {}
        """Verdicts and rows of connections that are still open, by their numbers."""

    def run(self) -> int:
        """Return the exit code.

        Raises:
            CaptureError: a capture is broken; what was read before has been written.
            CommandError: a capture cannot be read, or a file not be written.
        """
        self._check()
        is_quiet = not self._is_live
        if self._options["as_lines"] and output.is_terminal():
            is_quiet = False
        with contextlib.ExitStack() as bar, _patient(self._captures):
            reader = Reader(
                self._captures,
                wanted=self._judge.wanted,
                workers=self._options["workers"],
                progress=bar.enter_context(progress(visible=is_quiet)),
                early=self._say_early if self._is_live else None,
            )
            if self._options["number"] is not None:
                return self._one(reader, self._options["number"], bar)
            return self._all(reader, bar)

    @property
    def _shows_rows(self) -> bool:
        is_one = self._options["number"] is not None
        return self._is_table and self._shows_connections and not is_one

    @property
    def _shows_connections(self) -> bool:
        return not self._options["totals"]

    @property
    def _is_table(self) -> bool:
        return not any(
            self._options[name] for name in ("as_json", "as_lines", "as_csv")
        )

    def _check(self) -> None:
        """Raise at once what would be raised after an hour of reading."""
        if self._options["parquet"]:
            columns.check_pyarrow()
        outputs = [self._options[name] for name in ("html", "parquet")]
        files.check_outputs([one for one in outputs if one], self._captures)
        files.check_captures(self._captures)

    def _one(self, reader: Reader, number: int, bar: contextlib.ExitStack) -> int:
        for conversation in _readable(reader):
            if conversation.number != number:
                continue
            connection = self._judge.judge(conversation)
            bar.close()
            if self._is_table:
                output.say(render.drawn(*full(connection), to=sys.stdout))
            else:
                said = body(connection)
                document.say_line(document.whole(number, said))
            return self._code(int(connection.is_fault))
        raise CommandError(f"there is no connection {number}", Exit.USAGE)

    def _all(self, reader: Reader, bar: contextlib.ExitStack) -> int:
        fault: CaptureError | CommandError | None = None
        with contextlib.ExitStack() as stack:
            spool = self._spool(stack)
            page = Page() if self._options["html"] else None
            held = self._held(stack)
            takers = self._takers(spool, held)
            extract = Extract(
                self._judge,
                self._selection,
                json=bool(spool or self._options["as_lines"]),
                row=self._rows.lines if self._shows_rows else None,
                others_row=self._rows.lines if self._is_live else None,
            )
            if self._shows_rows and held is None:
                self._rows.head()
            try:
                for number, extracted in _readable(_extracted(reader, extract, page)):
                    self._take(number, extracted, takers)
            except (CaptureError, CommandError) as error:
                # What was read is shown first.
                if not reader.counts.packets:
                    raise
                fault = error
            bar.close()
            pairs = [*self._matched()]
            fronts = self._fronts(pairs)
            if held is not None:
                self._say_held(held, fronts)
            self._write(reader, spool, page, pairs, fronts)
        if fault is not None:
            raise fault
        return self._code(self._totals.faults - len(fronts))

    def _take(
        self, number: int, extracted: Extracted, takers: Iterable[_Taker]
    ) -> None:
        hop, entry, _, lines = extracted
        # The other side of a pair may be one that is not asked for.
        if hop is not None:
            self._pairs.remember(Hop.unpacked(number, hop))
        if entry is None:
            # One that was selected while it was open has said so.
            if number in self._early:
                self._say_live(number, lines or _NO_LINES)
            return
        if self._selects:
            self._numbers.add(number)
        self._totals.count(entry)
        for taker in takers:
            taker(number, extracted)

    def _spool(self, stack: contextlib.ExitStack) -> Spool | None:
        wanted = ["as_csv", "parquet"] + ["as_json"] * self._shows_connections
        if any(self._options[name] for name in wanted):
            return stack.enter_context(contextlib.closing(Spool()))
        return None

    def _held(self, stack: contextlib.ExitStack) -> Spool | None:
        if self._shows_rows and not self._is_live:
            return stack.enter_context(contextlib.closing(Spool()))
        return None

    def _say_early(self, conversation: Conversation) -> None:
        """Say the row of one that is still open: nobody waits for its end to see it."""
        connection = self._judge.judge(conversation)
        if not connection.is_settled or not self._selection.matches(connection):
            return
        number, verdict = conversation.number, connection.verdict
        # What comes octet by octet is quoted once: at its end if it is more by then.
        if number not in self._early or self._early[number][0] is not verdict:
            lines = self._rows.lines(connection)
            self._rows.say(number, lines)
            self._early[number] = verdict, lines

    def _say_live(self, number: int, lines: Lines) -> None:
        """Say a row, unless it has been said before its connection's end."""
        _, said = self._early.pop(number, (None, None))
        if said != lines:
            self._rows.say(number, lines)

    def _say_held(self, held: Spool, fronts: set[int]) -> None:
        self._rows.head()
        batch: list[str] = []
        for number, said in held.bodies():
            is_front = number in fronts
            if is_front and self._options["faults"]:
                continue
            row = self._rows.numbered(number, json.loads(said), front=is_front)
            batch.append(row)
            if len(batch) == _BATCH:
                output.say("\n".join(batch))
                batch.clear()
        if batch:
            output.say("\n".join(batch))

    def _takers(self, spool: Spool | None, held: Spool | None) -> list[_Taker]:
        """Return who takes what was extracted."""
        takers: list[_Taker] = []
        if held is not None:
            takers.append(
                lambda number, one: held.add(number, json.dumps(one[3]).encode())
            )
        elif self._shows_rows:
            takers.append(
                lambda number, one: self._say_live(number, one[3] or _NO_LINES)
            )
        if self._options["as_lines"]:
            takers.append(
                lambda number, one: document.say_line(document.whole(number, one[2]))
            )
        if spool is not None:
            takers.append(lambda number, one: spool.add(number, one[2]))
        return takers

    def _matched(self) -> Iterator[Pair]:
        for pair in self._pairs.matched():
            numbers = {pair.front.number, pair.back.number}
            if not self._selects or numbers & self._numbers:
                yield pair

    def _fronts(self, pairs: Iterable[Pair]) -> set[int]:
        """Return those of the faults counted that are the front side of a pair."""
        return {
            pair.front.number
            for pair in pairs
            if pair.front.verdict is Verdict.MISSING
            and (not self._selects or pair.front.number in self._numbers)
        }

    def _write(
        self,
        reader: Reader,
        spool: Spool | None,
        page: Page | None,
        pairs: list[Pair],
        fronts: set[int],
    ) -> None:
        numbers = {pair.front.number: pair.back.number for pair in reversed(pairs)}
        numbers |= {pair.back.number: pair.front.number for pair in pairs}
        if page is not None:
            text = page.whole(
                self._totals,
                reader.counts,
                pairs,
                fronts,
                unmatched=self._pairs.forgotten,
            )
            files.create(Path(self._options["html"]), text)
        if spool is not None and self._options["parquet"]:
            columns.write_columns(
                Path(self._options["parquet"]), spool.records(numbers)
            )
        if spool is not None and self._options["as_csv"]:
            sheet.say_sheet(spool.records(numbers))
        elif self._options["as_json"]:
            shown = spool is not None and self._shows_connections
            document.say_document(
                spool.texts(numbers) if spool is not None and shown else (),
                map(paired, pairs),
                summed(
                    self._totals,
                    reader.counts,
                    pairs=len(pairs),
                    fronts=len(fronts),
                    unmatched=self._pairs.forgotten,
                ),
            )
        elif self._is_table:
            self._say_summary(reader, pairs, len(fronts))

    def _say_summary(self, reader: Reader, pairs: list[Pair], fronts: int) -> None:
        parts: list[RenderableType] = [*summary(self._totals, reader.counts, fronts)]
        most = len(pairs) if self._options["all_pairs"] else _FEW_PAIRS
        more = max(len(pairs) - most, 0)
        parts += matched(pairs[:most], more, self._pairs.forgotten)
        output.say(render.drawn(*parts, to=sys.stdout))

    def _code(self, faults: int) -> int:
        return Exit.DATA if faults and self._options["check"] else Exit.DONE


def _judge(options: dict[str, Any]) -> Judge:
    # Nobody is let in by it: somebody looks.
    trust = trust_of(options, anyone=True)
    return Judge(
        trust,
        deadline=options["deadline"],
        limit=options["limit"],
        ssl=options["protocol"] == "ssl",
        keys=not options["unsigned"],
    )


def _selection(options: dict[str, Any]) -> Selection:
    return Selection(
        verdicts=frozenset(map(Verdict, options["verdicts"])),
        clients=options["clients"],
        peers=options["peers"],
        listeners=options["listeners"],
        server_names=options["names"],
        formats=frozenset(options["formats"]),
        faults=options["faults"],
        since=options["since"],
        until=options["until"],
    )


def _extracted(
    reader: Reader, extract: Extract, page: Page | None
) -> Iterator[tuple[int, Extracted]]:
    """Yield each connection's number, and what was extracted of it."""
    if page is None:
        for _, number, extracted in reader.each(extract):
            yield number, extracted
        return
    # A page shows octets: it wants the connection itself, here.
    for conversation in reader:
        connection = extract.judge.judge(conversation)
        extracted = extract.of(connection)
        if extracted[1] is not None:
            page.add(connection)
        yield conversation.number, extracted


def _readable(found: Iterable[_T]) -> Iterator[_T]:
    """Yield what is *found*; what stops the reading is the caller's missing input."""
    try:
        yield from found
    except OSError as error:
        name = error.filename or "standard input"
        raise CommandError(f"{name}: {error.strerror}", Exit.NO_INPUT) from None


@contextlib.contextmanager
def _patient(captures: tuple[str, ...]) -> Generator[None]:
    """Leave the first Ctrl-C of a live capture to whoever captures.

    It ends then, we read what it has written, and come to the totals. The second one is
    ours, for a writer that does not end.
    """
    if files.STANDARD not in captures or sys.stdin is None or sys.stdin.isatty():
        yield
        return

    def first(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
