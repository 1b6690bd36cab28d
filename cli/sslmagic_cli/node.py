"""`magic node`: takes the preamble off in front of a server that cannot."""

from __future__ import annotations

from typing import Any, Literal

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.receiver import WAITING, Node
from sslmagic.trust import Trust
from sslmagic_cli.arguments import ENDPOINT, NETWORK, NODE, Seconds
from sslmagic_cli.formats import (
    FormatName,
    check_said,
    check_written,
    layout_option,
)
from sslmagic_cli.relaying import limits_of, relay_options, run

__all__ = ["command"]

_EXAMPLES = """\b
magic node --listen :8443 --to 127.0.0.1:443 --trust 10.0.0.0/8
magic node --listen :8443 --to 127.0.0.1:443 --trust 10.0.0.0/8 --as proxy2
"""


@click.command("node", epilog=_EXAMPLES)
@click.option("--to", type=NODE, required=True, help="The server behind.")
@click.option(
    "--trust",
    type=NETWORK,
    multiple=True,
    required=True,
    help="Who must send a preamble and is believed; unix for UNIX peers. Repeatable.",
)
@click.option(
    "--accept",
    type=FormatName(),
    multiple=True,
    default=["magic"],
    show_default=True,
    help="The preamble that they must send. Repeatable.",
)
@layout_option
@click.option(
    "--direct",
    type=NETWORK,
    multiple=True,
    help="Who is a client itself and sends no preamble. Repeatable.",
)
@click.option(
    "--others",
    type=click.Choice(["refuse", "direct"]),
    default="refuse",
    show_default=True,
    help="What everybody else is.",
)
@click.option("--anyone", is_flag=True, help="Allow --trust to cover all addresses.")
@click.option(
    "--allow-loopback-source",
    is_flag=True,
    help="Believe a loopback source from any trusted peer.",
)
@click.option(
    "--local",
    type=click.Choice(["unnamed", "direct", "refuse"]),
    default="unnamed",
    show_default=True,
    help="What a preamble without a client makes of the connection.",
)
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
    "--protocol",
    type=click.Choice(["stream", "ssl"]),
    default="stream",
    show_default=True,
    help="What follows the preamble.",
)
@click.option(
    "--deadline",
    type=Seconds(zero=False),
    metavar="SECONDS",
    default=DEADLINE,
    show_default=True,
    help="For the whole preamble.",
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
    trust: tuple[str, ...],
    accept: tuple[str, ...],
    direct: tuple[str, ...],
    others: Literal["refuse", "direct"],
    anyone: bool,
    allow_loopback_source: bool,
    local: Literal["unnamed", "direct", "refuse"],
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
    check_written(speak)
    if destination is None:
        check_said(accept, speak)
    believed = Trust(
        trust,
        direct,
        others,
        accept,
        local=local,
        loopback_sources=allow_loopback_source,
        anyone=anyone,
    )
    nodes = [Address.of(to)]
    run(
        listen,
        lambda worker: Node(
            worker,
            limits,
            nodes,
            believed,
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
        defer=not direct and others == "refuse",
    )
