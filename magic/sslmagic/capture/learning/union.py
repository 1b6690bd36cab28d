"""Variants of IPv4 and IPv6 put together: as one where they are alike."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sslmagic.capture.learning.reading import reads
from sslmagic.capture.learning.sample import Sample
from sslmagic.errors import ConfigurationError
from sslmagic.layout import Layout
from sslmagic.wire.computed import Length
from sslmagic.wire.fields import Address
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["united"]

_Taught = tuple[Variant, list[Sample], str]
"""A variant, the samples that taught it, and their family."""


def united(
    name: str, taught: Sequence[_Taught], needs: list[str]
) -> tuple[list[Variant], list[str]]:
    """Return the variants of a layout, and of which families each is.

    Raises:
        ConfigurationError: one alone makes no layout under that name.
    """
    if len(taught) == 1:
        variant, _, family = taught[0]
        return [variant], [family]
    (first, first_samples, first_family), (second, second_samples, second_family) = (
        taught
    )
    both = f"{first_family} and {second_family}"
    one = _one(first, second)
    everything = [*first_samples, *second_samples]
    if one is not None and all(reads(one, sample.octets) for sample in everything):
        return [one], [both]
    for variants in (
        [first, second],
        # A length that never varies may be what tells them apart.
        [_fixed(first, first_samples), _fixed(second, second_samples)],
    ):
        try:
            Layout(name, variants)
        except ConfigurationError:
            continue
        return variants, [first_family, second_family]
    needs.append(
        f"nothing at a place known in advance tells {both} apart: the one with fewer"
        " samples is left out"
    )
    variant, _, family = max(taught, key=lambda one: len(one[1]))
    return [variant], [family]


def _one(first: Variant, second: Variant) -> Variant | None:
    if len(first.parts) != len(second.parts):
        return None
    parts: list[Part] = []
    for four, six in zip(first.parts, second.parts, strict=True):
        both = _part(four, six)
        if both is None:
            return None
        parts.append(both)
    try:
        return Variant(tuple(parts))
    except ConfigurationError:
        return None


def _part(four: Part, six: Part) -> Part | None:
    """Return the part that both are, or that reads both; None if none does."""
    if four == six:
        return four
    if isinstance(four, Address) and isinstance(six, Address):
        if four.of == six.of and four.form == six.form == "text":
            return dataclasses.replace(six, family="any")
        return None
    if isinstance(four, Unknown) and isinstance(six, Unknown):
        if four.width != six.width:
            return None
        return dataclasses.replace(
            four,
            seen=None,
            shortest=min(four.shortest, six.shortest),
            longest=max(four.longest, six.longest),
            text=four.text and six.text,
        )
    return None


def _fixed(variant: Variant, samples: Sequence[Sample]) -> Variant:
    """Return the variant with the length as a literal, if it never varied."""
    rows = [variant.walk(sample.octets).spans for sample in samples]
    parts = list(variant.parts)
    for at, part in enumerate(parts):
        said = {
            sample.octets[spans[at].start : spans[at].end]
            for sample, spans in zip(samples, rows, strict=True)
        }
        if isinstance(part, Length) and part.of != "next" and len(said) == 1:
            parts[at] = Literal(said.pop())
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Literal) and isinstance(last, Literal):
            joined[-1] = Literal(last.octets + part.octets)
        else:
            joined.append(part)
    try:
        return Variant(tuple(joined))
    except ConfigurationError:
        return variant
