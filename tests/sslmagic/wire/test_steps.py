"""What ends a part, and which sequence cannot be read since nothing does."""

from __future__ import annotations

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.steps import Ending, steps_of
from tests.sslmagic.wire.layouts import FOUR, layout

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
TEXT = Address(of="source", form="text")
CLIENT = b"\xcb\0\x71\x09\xc8\x22"


def test_what_ends_each_part() -> None:
    parts = (
        Length(width=1),
        TEXT,
        Literal(b" "),
        Length(of="next", width=1),
        Unknown(shortest=1, longest=4),
        Unknown(longest=9),
        Literal(b"::"),
        PORT,
        Unknown(longest=8),
    )
    steps = steps_of(parts)
    assert [step.part for step in steps] == list(parts)
    assert [step.ending for step in steps] == [
        Ending.WIDTH,
        Ending.STRANGER,
        Ending.WIDTH,
        Ending.WIDTH,
        Ending.GIVEN,
        Ending.LITERAL,
        Ending.WIDTH,
        Ending.WIDTH,
        Ending.REST,
    ]
    assert [step.literal for step in steps if step.literal] == [b"::"]
    given = steps[4]
    assert (given.least, given.most) == (1, 4)
    assert (given.least_behind, given.most_behind) == (4, 21)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((SOURCE, PORT, Length(of="next", width=1)), "and none is"),
        (
            (SOURCE, PORT, Length(of="next", width=1), Length(of="next", width=1)),
            "part 3: a length of the next, which is a length itself",
        ),
        (
            (Length(of="next", width=1), Length(form="decimal", width=2), SOURCE, PORT),
            "part 1: a length of the next, which is a length itself",
        ),
        ((PORT, TEXT), "part 2: nothing tells where the source ends"),
        ((TEXT, PORT), "part 1: nothing tells"),
        ((TEXT, Literal(b":"), PORT), "part 1: .* may hold that octet itself"),
        ((Length(width=1), TEXT, Unknown(), PORT), "part 2: nothing tells"),
        # What is written of it would end too early, or its end would be another.
        *(
            (
                (SOURCE, PORT, Unknown(shortest=1, seen=seen), Literal(b"::")),
                "part 3: seen='.*' does not end where the literal behind it begins",
            )
            for seen in (b"a::", b"a::b", b"a:", b":::")
        ),
    ],
)
def test_what_cannot_be_read(parts: tuple[Part, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        steps_of(parts)


@pytest.mark.parametrize("seen", [b":a", b"::", b"a", b":"])
def test_what_was_seen_and_ends_at_its_literal_is_read_again(seen: bytes) -> None:
    # Two octets at least may hold the literal itself.
    part = Unknown(shortest=len(seen), seen=seen)
    parts = (Literal(b"A"), SOURCE, PORT, part, Literal(b";:"))
    learnt = layout("seen", parts)
    octets = learnt.write(FOUR)
    assert octets == b"A" + CLIENT + seen + b";:"
    assert learnt.frame(octets + b"x", 99).length == len(octets)
