"""`magic encode`: from a client's address to the octets that announce it."""

from __future__ import annotations

import click

from sslmagic.preamble import Command, Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import Learnt, encode
from sslmagic_cli import output
from sslmagic_cli.arguments import ENDPOINT
from sslmagic_cli.formats import (
    FormatName,
    check_written,
    extension_options,
    layout_option,
)

__all__ = ["command"]


_EXAMPLES = """\b
magic encode --source 203.0.113.9:51234 --destination 198.51.100.2:443
magic encode --local --format proxy2 --output hex
"""


@click.command("encode", epilog=_EXAMPLES)
@click.option("--source", type=ENDPOINT, help="The client.")
@click.option(
    "--destination",
    type=ENDPOINT,
    help="Where the client connected to; a layout may have no place for it.",
)
@click.option(
    "--format",
    type=FormatName(),
    default="magic",
    show_default=True,
    help="The format to write.",
)
@layout_option
@click.option("--local", is_flag=True, help="The sender speaks for itself: no client.")
@click.option(
    "--transport",
    type=click.Choice([one.label for one in Transport], case_sensitive=False),
    help="Found from the addresses; needed for datagrams and UNKNOWN.",
)
@extension_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="OCTETS",
    help="The longest preamble to write; the format's own limit if not given.",
)
@click.option(
    "--output",
    "shape",
    type=click.Choice(["raw", "hex", "base64", "table"]),
    help="By default a table on a terminal, and the raw octets anywhere else.",
)
def command(
    *,
    source: Endpoint | UnixEndpoint | None,
    destination: Endpoint | UnixEndpoint | None,
    format: str,
    local: bool,
    transport: str | None,
    tlvs: tuple[TLV, ...],
    crc32c: bool,
    limit: int | None,
    shape: str | None,
) -> None:
    """Write the preamble that announces a client.

    Addresses are IP:PORT, [IP6]:PORT or unix:/path.
    """
    # UNKNOWN has no addresses; the values' own words name no options.
    named = source is not None, destination is not None
    is_lacking = isinstance(format, Learnt) and format.lacks_destination
    is_plain = destination is None and not (local or transport or tlvs)
    if is_lacking and is_plain and isinstance(source, Endpoint):
        preamble = Preamble.without_destination(source)
    else:
        if not local and transport != Transport.UNKNOWN.label and not all(named):
            raise click.UsageError("give --source and --destination, or --local")
        preamble = Preamble(
            source=source,
            destination=destination,
            command=Command.LOCAL if local else Command.PROXY,
            transport=Transport[transport.replace("-", "_")] if transport else None,
            tlvs=tlvs,
        )
    check_written(format)
    octets = encode(preamble, format, limit=limit, crc32c=crc32c)
    match shape or ("table" if output.is_terminal() else "raw"):
        case "raw":
            output.write(octets)
        case "hex":
            output.say(octets.hex())
        case "base64":
            import base64

            output.say(base64.b64encode(octets).decode())
        case _:
            from sslmagic.anatomy import anatomy
            from sslmagic_cli import render

            title = render.title(format, preamble, len(octets))
            output.say(render.drawn(title, "", render.fields(anatomy(octets, format))))
