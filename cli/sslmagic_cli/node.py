"""`magic node`: takes the preamble off in front of a server that cannot."""

from __future__ import annotations

from typing import Any

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.receiver import WAITING, Node
from sslmagic_cli.acceptance import acceptance_options, trust_of
from sslmagic_cli.arguments import ENDPOINT, NODE
from sslmagic_cli.formats import FormatName, check_said, check_written
from sslmagic_cli.relaying import limits_of, relay_options, run

__all__ = ["command"]

_EXAMPLES = """\b
magic node --listen :8443 --to 127.0.0.1:443 --trust 10.0.0.0/8
magic node --listen :8443 --to 127.0.0.1:443 --trust 10.0.0.0/8 --as proxy2
"""


@click.command("node", epilog=_EXAMPLES)
@click.option("--to", type=NODE, required=True, help="The server behind.")
@acceptance_options()
@click.option("--anyone", is_flag=True, help="Allow --trust to cover all addresses.")
@click.option(
    "--as",
    "speak",
    type=FormatName("plain", first=True),
    default="plain",
    show_default=True,
    help="The preamble for the server behind; plain for none.",
)
@click.option(
    "--destination",
    type=ENDPOINT,
    help="Where clients connected to, for --as, if a layout does not say it.",
)
@click.option(
    "--waiting",
    type=click.IntRange(min=1),
    metavar="CONNECTIONS",
    default=WAITING,
    show_default=True,
    help="May wait for their preamble at a time, in each worker.",
)
@relay_options
def command(
    *,
    listen: tuple[Endpoint | UnixEndpoint, ...],
    to: Endpoint | UnixEndpoint,
    anyone: bool,
    speak: str,
    destination: Endpoint | UnixEndpoint | None,
    protocol: str,
    deadline: float,
    waiting: int,
    workers: int,
    grace: float,
    backlog: int,
    **options: Any,
) -> None:
    """Take the preamble off connections, and pass them on to the server behind.

    Prints `ready ADDR` for each listener once it accepts. SIGTERM ends it; SIGUSR1 has
    it print its counters.
    """
    limits = limits_of(options)
    if isinstance(destination, UnixEndpoint):
        raise click.UsageError("--destination is an IP address and port")
    trust = trust_of(options, anyone=anyone)
    check_written(speak)
    if destination is None:
        check_said(trust.formats, speak)
    nodes = [Address.of(to)]
    run(
        listen,
        lambda worker: Node(
            worker,
            limits,
            nodes,
            trust,
            protocol=protocol,
            speak=speak,
            deadline=deadline,
            waiting=waiting,
            destination=destination,
        ),
        workers=workers,
        grace=grace,
        backlog=backlog,
        sweep=limits.sweep,
        # A direct client of a server that speaks first sends nothing by itself.
        defer=not trust.direct and trust.others == "refuse",
    )
