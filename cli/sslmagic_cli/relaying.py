"""What `magic gateway` and `magic node` share: options, and how a relay is run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.limits import Limits
from sslmagic.relay.listening import BACKLOG, Listening
from sslmagic.relay.supervisor import Build, StartError, Supervisor
from sslmagic_cli.arguments import ADDRESS, Seconds
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["limits_of", "relay_options", "run"]

Function = TypeVar("Function", bound=Callable[..., Any])

_DEFAULTS = Limits()
_SECONDS = Seconds()
_COUNT = click.IntRange(min=0)
_INT = 2**31 - 1
"""The most that listen(2) can be told; the kernel has a limit of its own."""
_MOST_WORKERS = 1024
"""Processes: more than the processors of any machine; each takes 10 MB."""
_BUFFER = click.IntRange(1024, 16777216)


def _limit(
    flag: str, kind: click.IntRange | click.FloatRange, metavar: str, text: str
) -> Callable[[Function], Function]:
    default = getattr(_DEFAULTS, flag.removeprefix("--").replace("-", "_"))
    return click.option(
        flag, type=kind, metavar=metavar, default=default, show_default=True, help=text
    )


_OPTIONS: tuple[Callable[[Any], Any], ...] = (
    click.option(
        "--listen",
        type=ADDRESS,
        multiple=True,
        required=True,
        help="Where connections are accepted; port 0 takes a free one. Repeatable.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(1, _MOST_WORKERS),
        metavar="PROCESSES",
        default=lambda: len(os.sched_getaffinity(0)),
        show_default="one per processor",
        help="Each accepts clients.",
    ),
    click.option(
        "--grace",
        type=_SECONDS,
        metavar="SECONDS",
        default=5.0,
        show_default=True,
        help="For connections to finish when told to end.",
    ),
    click.option(
        "--backlog",
        type=click.IntRange(1, _INT),
        metavar="CONNECTIONS",
        default=BACKLOG,
        show_default=True,
        help="May wait to be accepted.",
    ),
    _limit(
        "--connect-timeout",
        _SECONDS,
        "SECONDS",
        "For a client's first octets; 0 for ever.",
    ),
    _limit(
        "--timeout", _SECONDS, "SECONDS", "Without an octet either way; 0 for ever."
    ),
    _limit(
        "--max-transaction-duration",
        _SECONDS,
        "SECONDS",
        "For a connection as a whole, or with http for each request; 0 for ever.",
    ),
    _limit(
        "--max-connect-time",
        Seconds(zero=False),
        "SECONDS",
        "For a node to answer, before the next one is tried.",
    ),
    _limit(
        "--max-connection-attempts",
        _COUNT,
        "NODES",
        "Nodes tried for one client; 0 for all of them.",
    ),
    _limit("--max-client-buffer", _BUFFER, "OCTETS", "Read ahead from a client."),
    _limit("--max-server-buffer", _BUFFER, "OCTETS", "Read ahead from a node."),
    _limit(
        "--max-concurrent-connections",
        _COUNT,
        "CLIENTS",
        "Served at a time, all workers together; 0 for no limit.",
    ),
)


def relay_options(function: Function) -> Function:
    """Give a command the options that every relay has."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def limits_of(options: dict[str, Any]) -> Limits:
    """Take the limits out of a command's options."""
    return Limits(**{name: options.pop(name) for name in Limits.__slots__})


def run(
    listen: Sequence[Endpoint | UnixEndpoint],
    build: Build,
    *,
    workers: int,
    grace: float,
    backlog: int,
    sweep: float,
    defer: bool,
) -> None:
    """Serve until told to end.

    Args:
        listen: where to.
        build: makes the virtual server of each worker.
        workers: how many processes.
        grace: seconds for connections to finish.
        backlog: connections that may wait to be accepted.
        sweep: seconds between two looks at idle connections.
        defer: accept connections when their first octets are there.

    Raises:
        CommandError: an address cannot be had, or no worker could start.
    """
    listening: list[Listening] = []
    try:
        listening.extend(
            _listening(where, backlog=backlog, defer=defer) for where in listen
        )
    except CommandError:
        for opened in listening:
            opened.close()
        raise
    supervisor = Supervisor(listening, build, workers=workers, grace=grace, sweep=sweep)
    try:
        supervisor.run(lambda ready: click.echo(f"ready {ready}", err=True))
    except StartError as error:
        raise CommandError(str(error), Exit.FAULT) from error


def _listening(
    where: Endpoint | UnixEndpoint, *, backlog: int, defer: bool
) -> Listening:
    try:
        return Listening(Address.of(where), backlog=backlog, defer=defer)
    except OSError as error:
        unix = isinstance(where, UnixEndpoint)
        code = Exit.CANNOT_CREATE if unix else Exit.UNAVAILABLE
        said = f"cannot listen on {where}: {error.strerror or error}"
        if not unix and isinstance(error, PermissionError):
            said += " (low ports are root's, or want CAP_NET_BIND_SERVICE)"
        raise CommandError(said, code) from error
