"""What was unknown in a few samples, made wide enough for those that are to come.

A counter's or a clock's first digits stay the same for as long as a capture lasts, and
a number in text has more digits one day: both belong to what is unknown.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from sslmagic.capture.learning.reading import reads
from sslmagic.errors import ConfigurationError
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["COUNTERS", "counters_widened", "refined"]

_DIGITS = frozenset(string.digits.encode())
_HEX = frozenset(string.hexdigits.encode())
_WORD = frozenset((string.ascii_letters + string.digits).encode())
_YEARS = range(1_704_067_200, 1_956_528_000)
"""Seconds from 2024 to 2031, in which what looks like a time may be one."""
_CLOCK = re.compile(rb"(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[T ])?(?:[0-9]{1,2}:){1,2}[0-9]*$")
"""The front of a date and time in text, down to what varied in it."""
_SMALL = {8: 4, 6: 2, 4: 1, 2: 1}
"""Octets of zeros at the front of a number that is small for its width."""
_SCALES = {4: (1,), 6: (1_000,), 8: (1, 1_000, 1_000_000, 1_000_000_000)}
"""Units of a second that a clock of so many octets counts."""
COUNTERS = ((3, (-1, 1)), (3, (1,)), (3, (-1,)), (2, (-1, 1)))
"""Octets that a counter may have of which fewer varied, and where the others stand: in
front, behind. The more may be its own, the safer."""
_BY_CHANCE = 0.01
"""How likely it may be that values as close to each other are no counter's."""
_TEXT = frozenset(range(0x20, 0x7F)) | frozenset(b"\t\r\n")
"""Octets of words, which are no number's front."""


def refined(parts: tuple[Part, ...], samples: Sequence[bytes]) -> Variant:
    """Return the variant of *parts*, as found in *samples*, which it reads.

    Raises:
        ConfigurationError: the parts cannot be read, or do not read the samples.
    """
    Variant(parts)
    variant = _checked(parts, samples)
    if variant is None:
        raise ConfigurationError("what was found does not read all samples again")
    for widen in (_word_joined, _text_widened, _clock_widened):
        wider = _checked(widen(variant, samples), samples)
        variant = variant if wider is None else wider
    return _checked(_described(variant, samples), samples) or variant


def counters_widened(
    variant: Variant, samples: Sequence[bytes], counter: tuple[int, tuple[int, ...]]
) -> Variant:
    """Return the variant with what counts in it as wide as a *counter* may be.

    *samples* are all that it reads: the more they are, the surer it is what counts.
    """
    wider = _checked(_counter_widened(variant, samples, *counter), samples)
    return variant if wider is None else wider


def _checked(parts: tuple[Part, ...], samples: Sequence[bytes]) -> Variant | None:
    """Return the variant of *parts* if it reads all samples as a whole."""
    try:
        variant = Variant(parts)
    except ConfigurationError:
        return None
    return variant if all(reads(variant, octets) for octets in samples) else None


def _contents(variant: Variant, samples: Sequence[bytes]) -> list[list[bytes]]:
    """Return what each part holds in each sample."""
    rows = [
        [octets[start:end] for _, start, end in variant.walk(octets).spans]
        for octets in samples
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _word_joined(variant: Variant, samples: Sequence[bytes]) -> tuple[Part, ...]:
    """Join words of unknown meaning of which a letter happened to be the same."""
    contents = _contents(variant, samples)
    parts: list[Part] = []
    columns: list[list[bytes]] = []
    for part, column in zip(variant.parts, contents, strict=True):
        parts.append(part)
        columns.append(column)
        if len(parts) < 3 or not _is_one_word(parts[-3:], columns[-3:]):
            continue
        widths = [one.least for one in parts[-3:]]
        is_even = all(one.least == one.most for one in parts[-3:])
        joined = Unknown(width=sum(widths)) if is_even else Unknown(text=True)
        parts[-3:] = [joined]
        columns[-3:] = [
            [b"".join(row) for row in zip(*columns[-3:], strict=True)],
        ]
    return tuple(parts)


def _is_one_word(parts: Sequence[Part], columns: Sequence[list[bytes]]) -> bool:
    first, middle, last = parts
    return (
        isinstance(first, Unknown)
        and isinstance(middle, Literal)
        and isinstance(last, Unknown)
        and all(_WORD.issuperset(one) for column in columns for one in column)
    )


def _text_widened(variant: Variant, samples: Sequence[bytes]) -> tuple[Part, ...]:
    """Let text of unknown meaning take its whole word, and any width of it."""
    contents = _contents(variant, samples)
    parts = list(variant.parts)
    for at, part in enumerate(parts):
        if not isinstance(part, Unknown) or not 0 < at < len(parts) - 1:
            continue
        before, after = parts[at - 1], parts[at + 1]
        if not isinstance(before, Literal) or not isinstance(after, Literal):
            continue
        octets = frozenset(b"".join(contents[at]))
        alphabet = next((a for a in (_DIGITS, _HEX, _WORD) if octets <= a), None)
        if alphabet is None:
            continue
        # The rest of its word on both sides, where that is of the same kind.
        head = before.octets.rstrip(bytes(alphabet))
        clock = _CLOCK.search(before.octets) if alphabet is _DIGITS else None
        if clock is not None:
            head = before.octets[: clock.start()]
        tail = after.octets.lstrip(bytes(alphabet))
        if head[-1:].isalnum() or not head[-1:].isascii() or not head:
            continue
        # A time may end with its zone.
        is_word = tail[:1].isalnum() and clock is None
        if not tail or is_word or not tail[:1].isascii():
            continue
        parts[at - 1], parts[at + 1] = Literal(head), Literal(tail)
        parts[at] = Unknown(text=True, shortest=1)
    return tuple(parts)


def _clock_widened(variant: Variant, samples: Sequence[bytes]) -> tuple[Part, ...]:
    """Let counters and clocks have their high octets back, in either order."""
    contents = _contents(variant, samples)
    parts: list[Part] = list(variant.parts)
    for at, part in enumerate(parts):
        if not isinstance(part, Unknown) or part.width is None:
            continue
        for step in (-1, 1):
            beside = parts[at + step] if 0 <= at + step < len(parts) else None
            if not isinstance(beside, Literal):
                continue
            # A layout starts with something that tells it from others.
            spare = len(beside.octets) - (at + step == 0)
            octets = beside.octets if step < 0 else beside.octets[::-1]
            values = [one if step < 0 else one[::-1] for one in contents[at]]
            missing = _missing(octets, spare, values)
            if missing:
                kept = octets[:-missing] if step < 0 else octets[:-missing][::-1]
                parts[at] = Unknown(width=part.width + missing)
                parts[at + step] = Literal(kept) if kept else _NOTHING
                break
    return _joined([part for part in parts if part is not _NOTHING])


def _counter_widened(
    variant: Variant, samples: Sequence[bytes], most: int, steps: tuple[int, ...]
) -> tuple[Part, ...]:
    """Let what counts have octets beside it that may be its high ones.

    What they hold tells nothing: a counter in three octets keeps its first two for
    hundreds of connections, and they look like any other literal.
    """
    contents = _contents(variant, samples)
    parts: list[Part] = list(variant.parts)
    for at, part in enumerate(parts):
        if not isinstance(part, Unknown) or not _counts(part, contents[at]):
            continue
        width = part.least
        missing = most - width
        for step in steps:
            beside = parts[at + step] if 0 <= at + step < len(parts) else None
            if not isinstance(beside, Literal):
                continue
            order = -1 if step < 0 else 1
            octets = beside.octets[::order]
            spare = len(octets) - (at + step == 0)
            taken = 0
            while taken < min(missing, spare):
                if octets[taken] in _TEXT:
                    break
                taken += 1
            kept = octets[taken:][::order]
            width += taken
            parts[at + step] = Literal(kept) if kept else _NOTHING
        if width > part.least:
            parts[at] = Unknown(width=width)
    return _joined([part for part in parts if part is not _NOTHING])


def _counts(part: Unknown, values: Sequence[bytes]) -> bool:
    """Whether values are all different and so close together that they are counted."""
    if (
        part.width is None
        or part.width >= COUNTERS[0][0]
        or len(set(values)) < len(values)
    ):
        return False
    for order in ("big", "little"):
        numbers = [int.from_bytes(one, order) for one in values]
        share = (max(numbers) - min(numbers) + 1) / 256.0**part.width
        if len(values) * share ** (len(values) - 1) < _BY_CHANCE:
            return True
    return False


_NOTHING = Unknown(width=1)
"""Stands where a literal was of which no octet is left; known by its identity."""


def _missing(front: bytes, spare: int, values: Sequence[bytes]) -> int:
    """Return how many octets at the end of *front* belong to a number behind them."""
    known = len(values[0])
    for width in (8, 6, 4, 2):
        missing = width - known
        if not 0 < missing <= spare:
            continue
        high = front[-missing:]
        numbers = [int.from_bytes(high + one, "big") for one in values]
        is_clock = any(
            all(number // scale in _YEARS for number in numbers)
            for scale in _SCALES.get(width, ())
        )
        is_small = high.startswith(bytes(_SMALL[width]))
        if is_clock or not any(high) or is_small:
            return missing
    return 0


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    found: list[Part] = []
    for part in parts:
        last = found[-1] if found else None
        if (
            isinstance(part, Unknown)
            and isinstance(last, Unknown)
            and part.width
            and last.width
        ):
            found[-1] = Unknown(width=part.width + last.width)
        else:
            found.append(part)
    return tuple(found)


def _described(variant: Variant, samples: Sequence[bytes]) -> tuple[Part, ...]:
    """Say of unknown octets whether they are text, and keep those that never vary."""
    parts = list(variant.parts)
    for at, column in enumerate(_contents(variant, samples)):
        part = parts[at]
        if not isinstance(part, Unknown):
            continue
        joined = b"".join(column)
        parts[at] = Unknown(
            width=part.width,
            shortest=part.shortest,
            longest=max(part.longest, *(len(one) for one in column)),
            seen=column[0] if len(set(column)) == 1 and len(column) > 1 else None,
            text=bool(joined) and joined.isascii() and joined.decode().isprintable(),
        )
    return tuple(parts)
