"""How often layouts of chance are learnt right: the figures of docs/learn.md.

python -m tests.sslmagic.capture.learning.figures [LAYOUTS]
"""

from __future__ import annotations

import sys
from collections import Counter

from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.lesson import Lesson
from sslmagic.decoder import decode
from sslmagic.errors import DecodeError
from sslmagic.preamble import Preamble
from sslmagic.wire import encode
from tests.sslmagic.capture.learning.invented import (
    STRANGE,
    Invented,
    Traffic,
    random_layout,
)

__all__ = ["main", "outcome"]

_HELLO = b"\x16\x03\x01\x02\x00\x01"
_SURE = 0.9
"""What is surer than this is said without a doubt."""


def outcome(layout: Invented, lesson: Lesson, seed: int, *, later: bool = False) -> str:
    """Return `right`, `unsure` (and wrong), `wrong` (and sure) or `nothing`."""
    if lesson.layout is None:
        return "nothing"
    traffic = Traffic(layout, seed)
    if later:
        traffic.later()
    for family in layout.families * 10:
        fresh = traffic.fresh(family)
        said = Preamble(source=fresh.client, destination=fresh.destination)
        try:
            read, rest = decode(fresh.octets + _HELLO, lesson.layout)
        except DecodeError:
            is_right = False
        else:
            is_right = (read.source, rest) == (fresh.client, _HELLO)
        if is_right and not lesson.unknown:
            is_right = encode(said, lesson.layout) == fresh.octets
        if not is_right:
            return "wrong" if lesson.sure > _SURE else "unsure"
    return "right"


def main(layouts: int = 200) -> None:
    """Print a line for each kind of capture."""
    for each, nat, noise, odd in (
        (12, 0.25, 2, 1),
        (6, 0, 0, 0),
        (4, 0, 0, 0),
        (3, 0, 0, 0),
    ):
        found = Counter(
            outcome(
                one, learn(traffic.samples(each, nat=nat, noise=noise, odd=odd)), 99
            )
            for seed in range(layouts)
            for one in (random_layout(seed),)
            for traffic in (Traffic(one, seed),)
        )
        others = f"{nat:.0%} NAT, {noise + odd} others"
        _say(f"{each} of a family, {others}", found)
    found = Counter(
        outcome(one, learn(Traffic(one, seed).samples(12)), 99, later=True)
        for seed in range(max(layouts // len(STRANGE), 1))
        for one in STRANGE
    )
    _say("what one capture cannot show", found)


def _say(what: str, found: Counter[str]) -> None:
    counts = ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
    sys.stdout.write(f"{what}: {counts}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
