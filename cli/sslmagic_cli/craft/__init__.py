"""`magic craft`: a capture from a few words, and what a reader must say of it."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from sslmagic.wire import FORMATS
from sslmagic_cli import newfile, output
from sslmagic_cli.arguments import ENDPOINT
from sslmagic_cli.craft import catalogue
from sslmagic_cli.craft.connections import connections
from sslmagic_cli.craft.expectation import expectation
from sslmagic_cli.craft.parameters import protocols, segment_sizes, server_name
from sslmagic_cli.formats import extension_options

__all__ = ["command"]

_EXAMPLES = """\b
magic craft one.pcapng
magic craft tagged.pcapng --format proxy2 --tlv AUTHORITY=shop.example --vlan 10
magic craft broken.pcapng --fault checksum --fault nested --expect broken.json
magic craft every.pcapng --format magic --fault all
magic craft odd.pcapng --segments 1,5,7 --reorder --tls 1.2
magic craft - --ipv6 --link raw --count 100 | magic inspect -
"""

_LINKS = ("ethernet", "cooked1", "cooked2", "raw", "null", "loop")
_KEPT = 262_144
"""Octets of the longest packet that readers of captures take."""


@click.command("craft", epilog=_EXAMPLES)
@click.argument("out", required=False)
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    default="magic",
    show_default=True,
    help="The format of the preamble.",
)
@click.option("--source", type=ENDPOINT, help="The client that the preamble names.")
@click.option("--destination", type=ENDPOINT, help="Where it connected to.")
@click.option("--local", is_flag=True, help="The preamble names no client.")
@extension_options
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME",
    help="Make a connection with this fault; all makes every one that the format has."
    " Repeatable: each fault is a connection of its own.",
)
@click.option("--list-faults", is_flag=True, help="Say what faults there are.")
@click.option(
    "--count",
    metavar="CONNECTIONS",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many connections of each kind, each from a port of its own.",
)
@click.option("--peer", type=ENDPOINT, help="Who connects: the gateway.")
@click.option("--listener", type=ENDPOINT, help="Who is connected to: the node.")
@click.option("--ipv6", is_flag=True, help="IPv6 everywhere where nothing is named.")
@click.option(
    "--link",
    type=click.Choice(_LINKS),
    default="ethernet",
    show_default=True,
    help="What the packets are captured on.",
)
@click.option(
    "--vlan",
    "vlans",
    metavar="ID",
    type=click.IntRange(0, 4095),
    multiple=True,
    help="Tag the frames; of two tags the first is the outer one (QinQ).",
)
@click.option(
    "--tls",
    type=click.Choice(["1.2", "1.3", "none"]),
    default="1.3",
    show_default=True,
    help="What follows the preamble; none is a request of HTTP.",
)
@click.option(
    "--server-name",
    metavar="NAME",
    default="shop.example",
    show_default=True,
    callback=server_name,
    help="The SNI; empty for none.",
)
@click.option(
    "--alpn",
    metavar="PROTOCOL",
    multiple=True,
    callback=protocols,
    help="A protocol that is offered. Repeatable.",
)
@click.option(
    "--segments",
    "sizes",
    default="",
    callback=segment_sizes,
    metavar="1,5,7",
    help="Octets of the first segments, or octets: each in one of its own.",
)
@click.option("--reorder", is_flag=True, help="The preamble's arrive in disorder.")
@click.option("--duplicate", is_flag=True, help="Each of them arrives twice.")
@click.option("--retransmit", is_flag=True, help="All of them are sent again.")
@click.option("--overlap", is_flag=True, help="Each begins with the last one's end.")
@click.option(
    "--fragments",
    type=click.IntRange(min=24),
    metavar="OCTETS",
    help="Cut IP packets into fragments of so many octets, a multiple of 8.",
)
@click.option(
    "--end",
    "ending",
    type=click.Choice(["close", "reset", "open"]),
    default="close",
    show_default=True,
    help="How connections end that are served.",
)
@click.option(
    "--snaplen",
    type=click.IntRange(1, _KEPT),
    metavar="OCTETS",
    help="Keep no more than that of each packet.",
)
@click.option(
    "--form",
    type=click.Choice(["pcapng", "pcap"]),
    help="By default what OUT's name says, and pcapng.",
)
@click.option(
    "--seed",
    metavar="NUMBER",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed makes the same packets; only TLS draws numbers of its own.",
)
@click.option("--expect", metavar="FILE", help="Write what a reader must say: JSON.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
def command(
    *,
    out: str | None,
    list_faults: bool,
    faults: tuple[str, ...],
    format: str,
    expect: str | None,
    form: str | None,
    force: bool,
    count: int,
    link: str,
    snaplen: int | None,
    **words: Any,
) -> None:
    """Write a capture of connections with a preamble, good ones or broken.

    OUT is a file, or - for standard output. The connections come one after the other,
    between a gateway and a node whose addresses are for documentation. Needs the extra
    craft.
    """
    if list_faults:
        output.say(catalogue.listed())
        return
    if out is None:
        raise click.UsageError("missing argument 'OUT'")
    if out == newfile.STANDARD and output.is_terminal():
        raise click.UsageError("a capture is no text: name a file, or redirect")
    if expect and newfile.same(out, expect):
        raise click.UsageError("OUT and --expect are one file")
    made = connections(format, faults, count, link, words)
    from sslmagic.dissect import capturefile, packets

    packed = packets.packed((one.exchange, one.path) for one in made)
    shape = form or ("pcap" if out.endswith(".pcap") else "pcapng")
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(newfile.created(out, force=force))
        notes = (
            stack.enter_context(newfile.created(expect, force=force))
            if expect
            else None
        )
        with newfile.writing(out):
            capturefile.write(
                stream,
                packed,
                link=packets.LINKS[link],  # type: ignore[index]
                form=shape,  # type: ignore[arg-type]
                snaplen=snaplen or 0,
            )
            stream.flush()
        if notes and expect:
            with newfile.writing(expect):
                notes.write(expectation(made, snaplen=snaplen or 0).encode())
                notes.flush()
