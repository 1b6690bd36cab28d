"""`magic craft`: a capture from a few words, and what a reader must say of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from sslmagic.block import Endpoint, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS
from sslmagic_cli import newfile, output
from sslmagic_cli.arguments import ENDPOINT, EXTENSION
from sslmagic_cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from sslmagic.dissect.recipe import Connection, Recipe
    from sslmagic.dissect.session import Session, Version
    from sslmagic.preamble import Preamble

__all__ = ["command"]

_EXAMPLES = """\b
magic craft one.pcapng
magic craft tagged.pcapng --format proxy2 --tlv AUTHORITY=shop.example --vlan 10
magic craft broken.pcapng --fault checksum --fault nested --expect broken.json
magic craft every.pcapng --format magic --fault all
magic craft odd.pcapng --segments 1,5,7 --reorder --tls 1.2
magic craft - --ipv6 --link raw --count 100 | magic inspect -
"""

_NAMES = ("ethernet", "cooked1", "cooked2", "raw", "null", "loop")
_ALL = "all"
_OCTETS = "octets"

_PEER = {"4": Endpoint("192.0.2.2", 40112), "6": Endpoint("2001:db8:b::2", 40112)}
_LISTENER = {"4": Endpoint("192.0.2.10", 8443), "6": Endpoint("2001:db8:b::10", 8443)}
_CLIENT = {"4": Endpoint("203.0.113.9", 51234), "6": Endpoint("2001:db8:c::9", 51234)}
_SERVER = {"4": Endpoint("198.51.100.2", 443), "6": Endpoint("2001:db8:f::2", 443)}
"""Who takes part if nobody is named: addresses for documentation."""

_WIDEST = 65_000
"""Octets of the largest segment: IP's length has 16 bits, and headers are in it."""
_PROTOCOLS = 8_192
"""Octets of what ALPN offers: enough, and a ClientHello that every server takes."""
_KEPT = 262_144
"""Octets of the longest packet that readers of captures take."""
_APART = 10_000_000_000
"""Nanoseconds from the begin of one connection to the next: longer than a deadline."""
_WAITING = "waiting"
"""The fault of a connection in which the capture ends: nothing may come much later."""
_TOGETHER = 1_000_000
"""Nanoseconds from one such to the next."""


def _sizes(context: click.Context, parameter: click.Parameter, text: str) -> Any:
    del context, parameter
    if not text:
        return ()
    if text == _OCTETS:
        return text
    try:
        sizes = tuple(int(one) for one in text.split(","))
    except ValueError:
        raise click.BadParameter(f"{text!r} is not 1,5,7 or octets") from None
    if min(sizes) < 1:
        raise click.BadParameter("a segment has at least 1 octet")
    if max(sizes) > _WIDEST:
        raise click.BadParameter(f"a segment has at most {_WIDEST} octets")
    return sizes


def _name(context: click.Context, parameter: click.Parameter, text: str) -> str | None:
    del context, parameter
    from sslmagic.dissect.session import sent_name

    try:
        return sent_name(text) if text else None
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _protocols(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    del context, parameter
    from sslmagic.dissect.session import offered

    if sum(len(text) + 1 for text in texts) > _PROTOCOLS:
        raise click.BadParameter(f"all of them have more than {_PROTOCOLS} octets")
    try:
        return tuple(map(offered, texts))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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
@click.option(
    "--tlv",
    "tlvs",
    type=EXTENSION,
    multiple=True,
    help="An extension: AUTHORITY=shop.example, 0xE7=hex:0badcafe, ... Repeatable.",
)
@click.option("--crc32c", is_flag=True, help="Add a CRC32C extension.")
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
    type=click.Choice(_NAMES),
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
    callback=_name,
    help="The SNI; empty for none.",
)
@click.option(
    "--alpn",
    metavar="PROTOCOL",
    multiple=True,
    callback=_protocols,
    help="A protocol that is offered. Repeatable.",
)
@click.option(
    "--segments",
    "sizes",
    default="",
    callback=_sizes,
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
        output.say(_listed())
        return
    if out is None:
        raise click.UsageError("missing argument 'OUT'")
    if out == newfile.STANDARD and output.is_terminal():
        raise click.UsageError("a capture is no text: name a file, or redirect")
    if expect and newfile.same(out, expect):
        raise click.UsageError("OUT and --expect are one file")
    made = _made(format, faults, count, link, words)
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
                notes.write(_expectation(made, snaplen).encode())
                notes.flush()


def _made(
    format: str,
    faults: tuple[str, ...],
    count: int,
    link: str,
    words: dict[str, Any],
) -> list[Connection]:
    try:
        from sslmagic.dissect.faults import FAULTS
        from sslmagic.dissect.packets import Path as Between
        from sslmagic.dissect.recipe import Recipe
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    names: list[str | None] = []
    for name in faults:
        if name == _ALL:
            names += [one.name for one in FAULTS.values() if format in one.formats]
        elif name in FAULTS:
            names.append(name)
        else:
            raise click.UsageError(f"no fault is called {name!r}: see --list-faults")
    preamble, peer, listener = _ends(words)
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
    octetwise: bool = words["sizes"] == _OCTETS
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
    names.sort(key=lambda name: name == _WAITING)
    every = [name for name in names or [None] for _ in range(count)]
    return list(_each(recipe, every, words))


def _each(
    recipe: Recipe, faults: list[str | None], words: dict[str, Any]
) -> Iterator[Connection]:
    import dataclasses

    session = _sessions(words)
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
        apart = _TOGETHER if fault == _WAITING else _APART
        begins = made.exchange.begins + apart
        yield made


def _sessions(words: dict[str, Any]) -> Iterator[Session | None]:
    version: Version | str = words["tls"]
    if version == "none":
        while True:
            yield None
    import ssl

    try:
        import trustme
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    from sslmagic.dissect.session import Session

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Nobody verifies it, and not every name that TLS can say may stand in one.
    trustme.CA().issue_cert("shop.example").configure_cert(context)
    if words["alpn"]:
        context.set_alpn_protocols(words["alpn"])
    while True:
        yield Session.made(
            context,
            version=version,  # type: ignore[arg-type]
            server_name=words["server_name"],
            alpn=words["alpn"],
        )


def _ends(words: dict[str, Any]) -> tuple[Preamble, Endpoint, Endpoint]:
    from sslmagic.preamble import Preamble

    source: Endpoint | UnixEndpoint | None = words["source"]
    destination: Endpoint | UnixEndpoint | None = words["destination"]
    tlvs: tuple[TLV, ...] = words["tlvs"]
    if words["local"]:
        if source or destination:
            raise click.UsageError("--local names no --source and no --destination")
        preamble = Preamble.local(tlvs)
    else:
        family = _family(source or destination, ipv6=words["ipv6"])
        if isinstance(source or destination, UnixEndpoint):
            source = source or UnixEndpoint("")
            destination = destination or UnixEndpoint("")
        preamble = Preamble(
            source=source or _CLIENT[family],
            destination=destination or _SERVER[family],
            tlvs=tlvs,
        )
    peer, listener = words["peer"], words["listener"]
    if isinstance(peer, UnixEndpoint) or isinstance(listener, UnixEndpoint):
        raise click.UsageError("packets have IP addresses: --peer and --listener too")
    family = _family(peer or listener, ipv6=words["ipv6"])
    ends = peer or _PEER[family], listener or _LISTENER[family]
    if (":" in ends[0].host) != (":" in ends[1].host):
        raise click.UsageError(f"{ends[0]} and {ends[1]} speak no common IP")
    return preamble, *ends


def _family(named: Endpoint | UnixEndpoint | None, *, ipv6: bool) -> str:
    if isinstance(named, Endpoint):
        return "6" if ":" in named.host else "4"
    return "6" if ipv6 else "4"


def _expectation(made: list[Connection], snaplen: int | None) -> str:
    import json

    connections: list[dict[str, object]] = []
    for number, one in enumerate(made, 1):
        said = one.expected
        if snaplen:
            # What is cut off depends on the link: who connected is all that is sure.
            said = {key: said[key] for key in ("peer", "listener", "vlans")}
        connections.append({"number": number, **said})
    about: dict[str, object] = {"about": "made by magic craft"}
    if any(said.get("verdict") == "hello" for said in connections):
        about["reader"] = {"protocol": "ssl"}
    return json.dumps({**about, "connections": connections}, indent=1) + "\n"


def _listed() -> str:
    try:
        from sslmagic.dissect.faults import FAULTS
    except ModuleNotFoundError as error:
        raise _missing(error) from None
    lines: list[str] = []
    for fault in FAULTS.values():
        of = "" if fault.formats == FORMATS else f" ({', '.join(fault.formats)})"
        lines.append(f"{fault.name:<12}{fault.about}{of}")
    return "\n".join(lines)


def _missing(error: ModuleNotFoundError) -> CommandError:
    return CommandError(
        f"magic craft needs {error.name}: pip install 'sslmagic[craft]'",
        Exit.UNAVAILABLE,
    )
