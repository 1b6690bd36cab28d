"""`magic gateway`: accepts clients and tells the nodes behind it who they are."""

from __future__ import annotations

from typing import Any

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.sender import Gateway
from sslmagic.wire import FORMATS
from sslmagic_cli.arguments import ENDPOINT
from sslmagic_cli.relaying import limits_of, relay_options, run

__all__ = ["command"]

_EXAMPLES = """\b
magic gateway --listen :443 --node 10.0.1.1:443 --node 10.0.1.2:443 --enhance magic
magic gateway --listen :443 --node 10.0.1.1:443 --enhance proxy2 --workers 4
"""


@click.command("gateway", epilog=_EXAMPLES)
@click.option(
    "--node",
    "nodes",
    type=ENDPOINT,
    multiple=True,
    required=True,
    help="Where connections go, in turn; the next one if it fails. Repeatable.",
)
@click.option(
    "--enhance",
    type=click.Choice([*FORMATS, "none"]),
    required=True,
    help="The preamble that tells nodes the client's address.",
)
@click.option(
    "--protocol",
    type=click.Choice(["ssl", "client_first"]),
    default="ssl",
    show_default=True,
    help="What clients speak: TLS, which is passed through, or anything.",
)
@relay_options
def command(
    *,
    listen: tuple[Endpoint | UnixEndpoint, ...],
    nodes: tuple[Endpoint | UnixEndpoint, ...],
    enhance: str,
    protocol: str,
    workers: int,
    grace: float,
    backlog: int,
    **options: Any,
) -> None:
    """Accept clients, and pass what they say on to nodes behind a preamble.

    Prints `ready ADDR` for each listener once it accepts. SIGTERM ends it; SIGUSR1 has
    it print its counters.
    """
    limits = limits_of(options)
    addresses = [Address.of(node) for node in nodes]
    run(
        listen,
        lambda worker: Gateway(
            worker, limits, addresses, protocol=protocol, enhance=enhance
        ),
        workers=workers,
        grace=grace,
        backlog=backlog,
        sweep=limits.sweep,
        defer=True,
    )
