"""What samples could not show of a layout, and what to capture so that they do."""

from __future__ import annotations

from collections.abc import Sequence

from sslmagic.capture.learning.lesson import Taught
from sslmagic.capture.learning.sample import Sample
from sslmagic.wire.computed import Length

__all__ = ["needs_of"]

_SURE = 0.99
"""A length that is less sure may be another number, which was right by chance."""


def needs_of(
    taught: Sequence[Taught],
    samples: Sequence[Sample],
    agreeing: Sequence[Sample],
    contradicting: Sequence[Sample],
) -> list[str]:
    """Return what is not sure, and what would settle it, in words."""
    families = " ".join(one.family for one in taught)
    seen = {"IPv6" if ":" in one.client.host else "IPv4" for one in samples}
    found = [
        f"{'nothing learnt of' if family in seen else 'no'} {family} client"
        f"{'s' if family in seen else ''}: how one is written is not known"
        for family in ("IPv4", "IPv6")
        if family not in families
    ]
    if len({sample.client for sample in agreeing}) < 3:
        found.append("fewer than 3 clients: give more, with other addresses and ports")
    for one in taught:
        found += _needs_of(one)
    if contradicting:
        share = len(contradicting) / (len(agreeing) + len(contradicting))
        found.append(
            f"{share:.0%} of the preambles name another client than the one known:"
            " NAT in front of the sender, or clients that were named wrong"
        )
    return found


def _needs_of(taught: Taught) -> list[str]:
    found: list[str] = []
    parts = [one.part for one in taught.parts]
    constant = sum(one.longest for one in taught.parts if one.may_vary)
    if constant:
        found.append(
            f"{constant} octets were constant here: capture another hour, another"
            " gateway, another virtual server"
        )
    for one in taught.parts:
        if one.part.name == "source port" and one.same_front:
            found.append(
                f"all {taught.family} clients' ports have the same high octet: give"
                " more, with ports further apart"
            )
        if one.part.name == "source" and one.distinct == 1 and taught.samples > 1:
            found.append(f"one {taught.family} client address only: give another one")
        is_length = isinstance(one.part, Length) and one.part.of != "next"
        if is_length and one.distinct == 1:
            found.append("a length never varied: it may be a literal")
        elif isinstance(one.part, Length) and one.distinct > 1 and one.sure < _SURE:
            found.append(
                f"a length took {one.distinct} values that are close: give connections"
                " whose preambles differ more in length"
            )
    if not any(part.name.startswith("destination") for part in parts):
        found.append(
            "no destination was found: if it is there it passes for a literal; name"
            " where clients connected to"
        )
    return found
