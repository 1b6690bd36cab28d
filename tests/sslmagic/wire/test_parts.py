"""Parts: what a layout may say of them, what they hold, and what they write."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason
from sslmagic.wire.parts import MOST_UNKNOWN, Literal, Part, Unknown


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Literal(b""), "no octets"),
        (lambda: Unknown(width=0), "1 octet is the least"),
        (lambda: Unknown(shortest=5, longest=4), "leave no width"),
        (lambda: Unknown(width=2, seen=b"abc"), "holds 3 octets"),
    ],
)
def test_what_no_layout_may_say(make: Callable[[], Part], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()


def test_a_literal_names_the_first_octet_that_differs() -> None:
    part = Literal(b"MAGI")
    part.check(b"..MA", 2, 6)
    with pytest.raises(DecodeError, match="49 where the layout has 41") as caught:
        part.check(b"..MIGI", 2, 6)
    assert (caught.value.reason, caught.value.offset) == (Reason.FORMAT, 3)
    assert (part.least, part.most, part.name) == (4, 4, "literal")
    assert not part.ends_outside


def test_what_is_unknown_is_written_as_it_was_seen_or_as_zeros() -> None:
    seen = Unknown(width=2, seen=b"\1\2")
    assert (seen.write(), seen.doubt) == (b"\1\2", None)
    varied = Unknown(width=2)
    assert varied.write() == b"\0\0"
    assert varied.doubt == "2 octets whose meaning is unknown are written as zeros"
    rest = Unknown()
    assert (rest.write(), rest.least, rest.most) == (b"", 0, MOST_UNKNOWN)
    assert rest.doubt == "octets whose meaning is unknown are left out"


def test_text_of_unknown_meaning_cannot_be_made_up() -> None:
    part = Unknown(text=True, shortest=1)
    assert part.doubt is None
    with pytest.raises(EncodeError, match="cannot be made up"):
        part.write()
