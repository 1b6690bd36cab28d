"""The command of every server: its own options, and these beside them.

python -m sslmagic.servers.uvicorn app:app --ssl-certfile … --trust 10.0.0.0/8
                                   └── uvicorn's ─────────┘ └── taken out ───┘
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from sslmagic.errors import ConfigurationError
from sslmagic.layout import Layout
from sslmagic.listener import WAITING
from sslmagic.reception import DEADLINE
from sslmagic.servers.entrance import Entrance
from sslmagic.servers.resources import AddressError
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS

__all__ = ["CONFIGURATION", "NO_INPUT", "UNAVAILABLE", "USAGE", "command"]

USAGE = 2
"""Exit code: the command line cannot be carried out as it stands."""
NO_INPUT = 66
"""Exit code: a file cannot be read."""
UNAVAILABLE = 69
"""Exit code: an address cannot be had."""
CONFIGURATION = 78
"""Exit code: what was asked for cannot work, or would trust anybody."""


def command(
    server: str,
    arguments: Sequence[str] | None,
    serve: Callable[[Entrance, list[str]], object],
) -> None:
    """Take our options out of *arguments*, and serve with the rest.

    Args:
        server: the server's name, for the help.
        arguments: None for those of the process.
        serve: called with the entrance and the server's own arguments.

    Raises:
        SystemExit: one line on stderr says why: what was asked for cannot work, or
            an address cannot be had.
        Exception: the application's own, as it is.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    options, rest = _parser(server).parse_known_args(given)
    try:
        trust = Trust(
            options.trust,
            options.direct,
            options.others,
            _formats(options.preamble or FORMATS[:1], options.layout),
            local=options.local,
            loopback_sources=options.allow_loopback_source,
            anyone=options.anyone,
        )
        entrance = Entrance(
            trust,
            direct_listen=options.direct_listen,
            deadline=options.deadline,
            waiting=options.waiting,
        )
        serve(entrance, rest)
    except ConfigurationError as error:
        _end(str(error), CONFIGURATION)
    except AddressError as error:
        _end(error.strerror or str(error), UNAVAILABLE)


def _formats(names: Sequence[str], files: Sequence[str]) -> list[str]:
    """Return the formats of those names; the layouts' are theirs.

    Raises:
        SystemExit: a file cannot be read, no format has that name, or a layout has one
            that was not asked for or another layout has too.
        ConfigurationError: a file is no layout.
    """
    known: dict[str, str] = {name: name for name in FORMATS}
    for file in files:
        try:
            layout = Layout.load(file)
        except OSError as error:
            _end(f"{file}: {error.strerror}", NO_INPUT)
        if layout in known:
            _end(f"argument --layout: {file}: another is {str(layout)!r}", USAGE)
        if layout not in names:
            said = f"{file}: say --preamble {layout} as well, or it is not accepted"
            _end(f"argument --layout: {said}", USAGE)
        known[str(layout)] = layout
    for name in names:
        if name not in known:
            choices = ", ".join(repr(one) for one in known)
            said = f"invalid choice: {name!r} (choose from {choices})"
            _end(f"argument --preamble: {said}", USAGE)
    return [known[name] for name in names]


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        _end(message, USAGE)


def _end(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"magic: {message}\n")
    raise SystemExit(code)


def _parser(server: str) -> argparse.ArgumentParser:
    parser = _Parser(
        prog=f"python -m sslmagic.servers.{server}",
        description=f"Serves with {server}, and takes the preamble off each connection"
        f" before TLS. Every other option is {server}'s own: see its help.",
        # An abbreviation of ours may be an option of the server's.
        allow_abbrev=False,
    )
    parser.add_argument(
        "--trust",
        action="append",
        required=True,
        metavar="CIDR",
        help="who must send a preamble and is believed; or unix; repeatable",
    )
    parser.add_argument(
        "--preamble",
        action="append",
        metavar="{" + ",".join(FORMATS) + "}",
        help="the preamble that they must send (magic); repeatable",
    )
    parser.add_argument(
        "--layout",
        action="append",
        default=[],
        metavar="FILE",
        help="a learnt layout, whose name is then a --preamble; repeatable",
    )
    parser.add_argument(
        "--direct",
        action="append",
        default=[],
        metavar="CIDR",
        help="who is a client itself and sends no preamble; repeatable",
    )
    parser.add_argument(
        "--others",
        choices=("refuse", "direct"),
        default="refuse",
        help="what everybody else is (%(default)s)",
    )
    parser.add_argument(
        "--direct-listen",
        action="append",
        default=[],
        metavar="ADDR",
        help="a second address without preamble, for health checks; repeatable",
    )
    parser.add_argument(
        "--local",
        choices=("unnamed", "direct", "refuse"),
        default="unnamed",
        help="what a preamble without a client makes of its connection (%(default)s)",
    )
    parser.add_argument(
        "--allow-loopback-source",
        action="store_true",
        help="believe a loopback source from any trusted peer",
    )
    parser.add_argument(
        "--anyone",
        action="store_true",
        help="allow --trust to cover all addresses",
    )
    parser.add_argument(
        "--deadline",
        type=float,
        default=DEADLINE,
        metavar="SECONDS",
        help="for the whole preamble (%(default)s)",
    )
    parser.add_argument(
        "--waiting",
        type=int,
        default=WAITING,
        metavar="CONNECTIONS",
        help="may wait for their preamble at a time, in each worker (%(default)s)",
    )
    return parser
