"""What a run of `magic inspect` takes of each connection.

It is taken where the connection was found, which may be another process than the one
that counts, numbers and writes: so it consists of values that `marshal` knows, and the
connection's number, which is known only there, is in none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Conversation
from sslmagic.capture.judge import Judge
from sslmagic.capture.pairs import Hop
from sslmagic.capture.selection import Selection
from sslmagic.capture.totals import Entry, entry
from sslmagic_cli.inspect.record import body
from sslmagic_cli.inspect.rows import Lines

__all__ = ["Extract", "Extracted"]

Extracted = tuple[tuple[Any, ...] | None, Entry | None, bytes, Lines | None]
"""`Hop.packed`, None if there is none; for totals, None if it is not selected; its
JSON, if that is wanted; and its row, if that is."""


@dataclass(frozen=True, slots=True)
class Extract:
    """Says what is wanted, and takes it."""

    judge: Judge
    selection: Selection
    json: bool
    """Whether its JSON is wanted."""
    row: Callable[[Connection], Lines] | None
    """Draws its row, if that is wanted."""
    others_row: Callable[[Connection], Lines] | None = None
    """Draws that of one that is not selected, if it may have been while it was open."""

    def __call__(self, conversation: Conversation) -> Extracted:
        """Return what is wanted of a conversation."""
        return self.of(self.judge.judge(conversation))

    def of(self, connection: Connection) -> Extracted:
        """Return what is wanted of one that was judged."""
        hop = Hop.of(connection)
        packed = None if hop is None else hop.packed()
        if not self.selection.matches(connection):
            others = None if self.others_row is None else self.others_row(connection)
            return packed, None, b"", others
        return (
            packed,
            entry(connection),
            body(connection) if self.json else b"",
            None if self.row is None else self.row(connection),
        )
