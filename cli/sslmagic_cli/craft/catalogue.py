"""The faults that `magic craft` can make: their list, and those that are asked for."""

from __future__ import annotations

import click

from sslmagic.wire import FORMATS
from sslmagic_cli.craft.extra import needed

__all__ = ["WAITING", "chosen", "listed"]

WAITING = "waiting"
"""The fault of a connection in which the capture ends: nothing may come much later."""
_ALL = "all"


def chosen(names: tuple[str, ...], format: str) -> list[str | None]:
    """Return the faults to make, those in which the capture ends last; [None] for none.

    Raises:
        click.UsageError: there is no such fault.
        CommandError: the extra is not installed.
    """
    with needed():
        from sslmagic.dissect.faults import FAULTS
    found: list[str | None] = []
    for name in names:
        if name == _ALL:
            found += [one.name for one in FAULTS.values() if format in one.formats]
        elif name in FAULTS:
            found.append(name)
        else:
            raise click.UsageError(f"no fault is called {name!r}: see --list-faults")
    return sorted(found, key=lambda name: name == WAITING) or [None]


def listed() -> str:
    """Return a line for every fault.

    Raises:
        CommandError: the extra is not installed.
    """
    with needed():
        from sslmagic.dissect.faults import FAULTS
    lines: list[str] = []
    for fault in FAULTS.values():
        of = "" if fault.formats == FORMATS else f" ({', '.join(fault.formats)})"
        lines.append(f"{fault.name:<12}{fault.about}{of}")
    return "\n".join(lines)
