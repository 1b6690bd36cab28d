"""A guess at the client's port, where only clients' hosts are known.

A part of unknown meaning may be one if every value in it is a port that a system gives
to clients; in octets, the order that makes more of them so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sslmagic.capture.learning.sample import Sample
from sslmagic.errors import ConfigurationError
from sslmagic.wire.fields import Port
from sslmagic.wire.parts import DIGITS, Literal, Part, Unknown
from sslmagic.wire.variant import Variant

__all__ = ["with_port"]

_CLIENTS = range(1024, 65536)
"""Ports that clients get."""
_USUAL = range(32768, 61000)
"""Ports that Linux gives them."""


def with_port(
    parts: tuple[Part, ...], samples: Sequence[Sample]
) -> tuple[tuple[Part, ...], str]:
    """Return the parts with the client's port among them, and a remark if guessed."""
    if any(isinstance(part, Port) and part.of == "source" for part in parts):
        return parts, ""
    best: tuple[Part, ...] = parts
    most = 0
    for candidate in _candidates(parts):
        usual = _usual(candidate, samples)
        if usual > most:
            best, most = candidate, usual
    if best is parts:
        return parts, "the client's port is not found: name clients with their ports"
    return best, "the client's port is a guess: name clients with their ports"


def _candidates(parts: tuple[Part, ...]) -> Iterator[tuple[Part, ...]]:
    for at, part in enumerate(parts):
        if not isinstance(part, Unknown):
            continue
        if part.width == 2:
            for order in ("big", "little"):
                port = Port(of="source", width=2, order=order)
                yield (*parts[:at], port, *parts[at + 1 :])
        before, after = parts[at - 1 : at], parts[at + 1 : at + 2]
        if not after or not isinstance(after[0], Literal):
            continue
        # A port's digits may be the same in all samples at either end.
        tail = after[0].octets.lstrip(bytes(DIGITS))
        fronts: tuple[Part, ...] = parts[:at]
        if before and isinstance(before[0], Literal):
            head = before[0].octets.rstrip(bytes(DIGITS))
            fronts = (*parts[: at - 1], *((Literal(head),) if head else ()))
        if tail:
            port = Port(of="source", form="decimal")
            yield (*fronts, port, Literal(tail), *parts[at + 2 :])


def _usual(parts: tuple[Part, ...], samples: Sequence[Sample]) -> int:
    """Return in how many samples the port is a usual one; 0 if one is impossible."""
    try:
        variant = Variant(parts)
    except ConfigurationError:
        return 0
    usual = 0
    for sample in samples:
        walk, fault = variant.walked(sample.octets)
        if fault is not None or walk.wanted:
            return 0
        for part, start, end in walk.spans:
            if isinstance(part, Port) and part.of == "source":
                try:
                    port = part.read(sample.octets[start:end])
                except ValueError:
                    return 0
                if port not in _CLIENTS:
                    return 0
                usual += port in _USUAL
    return usual
