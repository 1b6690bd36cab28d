"""The connections of a crafted capture, one behind the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sslmagic.block import Endpoint
from sslmagic_cli.craft.catalogue import WAITING, chosen
from sslmagic_cli.craft.ends import ends
from sslmagic_cli.craft.extra import needed
from sslmagic_cli.craft.parameters import OCTETS
from sslmagic_cli.craft.sessions import sessions

if TYPE_CHECKING:
    from sslmagic.dissect.recipe import Connection, Recipe

__all__ = ["connections"]

_APART = 10_000_000_000
"""Nanoseconds from the begin of one connection to the next: longer than a deadline."""
_TOGETHER = 1_000_000
"""Nanoseconds from one that waits to the next: the capture ends in all of them."""


def connections(
    format: str,
    faults: tuple[str, ...],
    count: int,
    link: str,
    words: dict[str, Any],
) -> list[Connection]:
    """Return the connections that the options ask for.

    Args:
        count: how many of each kind.
        words: the other options, by their names.

    Raises:
        click.UsageError: the options contradict each other.
        EncodeError: a preamble cannot be, or has no place for its fault.
        CommandError: the extra is not installed.
    """
    with needed():
        from sslmagic.dissect.packets import Path as Between
        from sslmagic.dissect.recipe import Recipe
    names = chosen(faults, format)
    preamble, peer, listener = ends(words)
    if words["vlans"] and link != "ethernet":
        raise click.UsageError(f"{link} has no VLANs")
    fragments: int = words["fragments"] or 0
    if fragments % 8:
        raise click.UsageError("fragments have a multiple of 8 octets")
    between = Between(
        peer=peer,
        listener=listener,
        link=link,  # type: ignore[arg-type]
        vlans=words["vlans"],
        fragments=fragments,
    )
    octetwise: bool = words["sizes"] == OCTETS
    recipe = Recipe(
        path=between,
        preamble=preamble,
        format=format,
        crc32c=words["crc32c"],
        sizes=() if octetwise else words["sizes"],
        octetwise=octetwise,
        reordered=words["reorder"],
        duplicated=words["duplicate"],
        retransmitted=words["retransmit"],
        overlapping=words["overlap"],
        ending=words["ending"],
        seed=words["seed"],
    )
    every = [name for name in names for _ in range(count)]
    return [*_each(recipe, every, words)]


def _each(
    recipe: Recipe, faults: list[str | None], words: dict[str, Any]
) -> Iterator[Connection]:
    session = sessions(words)
    begins = None
    for number, fault in enumerate(faults):
        host, port = recipe.path.peer
        # From 1024 on again behind the last one.
        port = (port - 1024 + number) % (65536 - 1024) + 1024 if number else port
        path = dataclasses.replace(recipe.path, peer=Endpoint(host, port))
        if path.peer == path.listener:
            raise click.UsageError(f"{path.peer} would connect to itself")
        one = dataclasses.replace(
            recipe,
            path=path,
            fault=fault,
            seed=recipe.seed + number,
            session=next(session),
            begins=begins,
        )
        made = one.made()
        apart = _TOGETHER if fault == WAITING else _APART
        begins = made.exchange.begins + apart
        yield made
