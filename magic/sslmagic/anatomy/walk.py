"""The cursor that names what it passes, and the fields that it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

__all__ = [
    "Field",
    "LostError",
    "Meaning",
    "Names",
    "Walk",
    "following",
    "number",
    "printable",
]

Meaning = str | Callable[[bytes], str]
"""What a field means, or how its octets are read."""


class Field(NamedTuple):
    """A run of octets with one meaning."""

    offset: int
    """Where it starts, counted from the start of the preamble."""
    octets: bytes
    """1 octet or more."""
    name: str
    meaning: str
    """Printable text, empty where the octets say it better."""
    level: int = 0
    """How deep it is nested: a TLV's length and value are one below its type."""


class LostError(Exception):
    """The structure ends here: what follows cannot be told apart."""


class Walk:
    """A cursor over the octets that names what it passes."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.fields: list[Field] = []
        self.at = 0
        self.end = len(octets)
        """Where the part being walked ends."""
        self.last = len(octets)
        """Where the preamble ends, as far as the octets reach."""
        self.whole = False
        """Whether the octets reach to the end that the preamble claims."""

    def peek(self, length: int) -> bytes:
        """The next octets, fewer if the part ends before."""
        return self.octets[self.at : min(self.at + length, self.end)]

    def take(
        self, length: int, name: str, meaning: Meaning = "", level: int = 0
    ) -> bytes:
        """Name the next *length* octets; `LostError` if there are fewer."""
        octets = self.peek(length)
        whole = len(octets) == length
        if not whole:
            meaning = f"cut short: {len(octets)} of {length} octets"
        said = meaning if isinstance(meaning, str) else meaning(octets)
        if octets:
            self.fields.append(Field(self.at, octets, name, printable(said), level))
        self.at += len(octets)
        if not whole:
            raise LostError
        return octets

    def expect(self, octets: bytes, name: str, meaning: str) -> None:
        """Name octets that are always the same; `LostError` if they are not."""
        found = self.peek(len(octets))
        if octets.startswith(found):
            self.take(len(octets), name, meaning)
        else:
            self.take(len(found), name, f"a preamble has {_hex(octets)} here")
            raise LostError

    def stop_at(self, end: int) -> None:
        """Say where the preamble ends; the octets may end before."""
        self.end = self.last = min(max(end, self.at), len(self.octets))
        self.whole = end <= len(self.octets)

    def remainder(self, name: str, meaning: str = "") -> None:
        """Name all octets up to the end of the part, if there are any."""
        length = self.end - self.at
        if length > 0:
            self.take(length, name, meaning)


class Names(dict[int, str]):
    """What the values of one octet mean."""

    def said(self, octets: bytes) -> str:
        """Return what the first of *octets* means."""
        return self.get(octets[0], "not defined")


def printable(text: str) -> str:
    """Return *text* with everything escaped that a terminal could obey or hide."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


def number(octets: bytes) -> int:
    """Return what *octets* are as a number of the wire."""
    return int.from_bytes(octets, "big")


def following(octets: bytes) -> str:
    """Return what a length says."""
    length = number(octets)
    return f"{length} octet follows" if length == 1 else f"{length} octets follow"


def _hex(octets: bytes) -> str:
    return octets.hex(" ").upper()
