"""`magic gateway`: accepts clients and tells the nodes behind it who they are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import click

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.sender import Gateway
from sslmagic_cli.arguments import NODE, Seconds
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.formats import FormatName, check_written, layout_option
from sslmagic_cli.relaying import limits_of, relay_options, run

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.supervisor import Build

__all__ = ["command"]

_EXAMPLES = """\b
magic gateway --listen :443 --node 10.0.1.1:443 --node 10.0.1.2:443 --enhance magic
magic gateway --listen :443 --node 10.0.1.1:443 --enhance proxy2 --workers 4
magic gateway --listen :80 --node 10.0.1.1:80 --protocol http
"""


@click.command("gateway", epilog=_EXAMPLES)
@click.option(
    "--node",
    "nodes",
    type=NODE,
    multiple=True,
    required=True,
    help="Where connections go, in turn; the next one if it fails. Repeatable.",
)
@click.option(
    "--enhance",
    type=FormatName("none"),
    help="The preamble that tells nodes the client's address. May be left out where "
    "--protocol http tells it in a header.",
)
@layout_option
@click.option(
    "--protocol",
    type=click.Choice(["ssl", "client_first", "http"]),
    default="ssl",
    show_default=True,
    help="What clients speak: TLS, which is passed through; anything; or HTTP in "
    "clear, where each request gets an X-Cluster-Client-Ip.",
)
@click.option(
    "--keepalive-timeout",
    type=Seconds(),
    metavar="SECONDS",
    show_default="10",
    help="HTTP: for a client's next request; 0 for ever.",
)
@click.option(
    "--max-reply-time",
    type=Seconds(),
    metavar="SECONDS",
    show_default="30",
    help="HTTP: for a node to begin its answer; 0 for ever.",
)
@relay_options
def command(
    *,
    listen: tuple[Endpoint | UnixEndpoint, ...],
    nodes: tuple[Endpoint | UnixEndpoint, ...],
    enhance: str | None,
    protocol: str,
    keepalive_timeout: float | None,
    max_reply_time: float | None,
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
    check_written(enhance or "none")
    addresses = [Address.of(node) for node in nodes]
    times = {"keepalive_timeout": keepalive_timeout, "max_reply_time": max_reply_time}
    given = {name: seconds for name, seconds in times.items() if seconds is not None}
    if protocol == "http":
        build = _http(limits, addresses, given, enhance or "none")
    elif given:
        flag = next(iter(given)).replace("_", "-")
        raise click.UsageError(f"--{flag} is for --protocol http")
    elif enhance is None:
        raise click.UsageError("missing option --enhance")
    else:
        build = functools.partial(
            Gateway,
            limits=limits,
            nodes=addresses,
            protocol=protocol,
            enhance=enhance,
        )
    run(
        listen,
        build,
        workers=workers,
        grace=grace,
        backlog=backlog,
        sweep=limits.sweep,
        defer=True,
    )


def _http(
    limits: Limits, nodes: list[Address], times: dict[str, Any], enhance: str
) -> Build:
    """Return what makes an HTTP server; its parser is an extra.

    Raises:
        CommandError: the parser is not installed.
    """
    try:
        from sslmagic.relay.http.limits import HttpLimits
        from sslmagic.relay.http.server import HttpServer
    except ModuleNotFoundError as error:
        if error.name != "h11":
            raise
        raise CommandError(
            "--protocol http needs h11: pip install 'sslmagic[http]'", Exit.UNAVAILABLE
        ) from error
    return functools.partial(
        HttpServer,
        limits=limits,
        nodes=nodes,
        http=HttpLimits(**times),
        enhance=enhance,
    )
