"""`magic learn`: finds the layout of preambles in captures of known clients."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from sslmagic.anatomy import Field, printable
from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader
from sslmagic.capture.learning.evidence import is_known
from sslmagic.capture.learning.gathering import Fronts, Gathered, gather, wanted
from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.lesson import Lesson, Taught
from sslmagic.capture.learning.sample import Sample
from sslmagic.capture.learning.spoken import spoken
from sslmagic.errors import CaptureError
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.wire.parts import Literal
from sslmagic_cli import output
from sslmagic_cli.arguments import CLIENT, ENDPOINT
from sslmagic_cli.exits import CommandError, Exit

__all__ = ["command"]

_EXAMPLES = """\b
magic learn back.pcapng --front front.pcapng --name stingray --output stingray.toml
magic learn back.pcapng --client 203.0.113.9:51234 --client 203.0.113.9:51236
"""
_SHOWN = 5
"""Connections that are named of those that contradict."""


@click.command("learn", epilog=_EXAMPLES)
@click.argument("captures", nargs=-1, required=True, metavar="CAPTURE...")
@click.option(
    "--client",
    "clients",
    type=CLIENT,
    multiple=True,
    help="A client that connected; its port as well, if it is known. Repeatable.",
)
@click.option(
    "--front",
    "fronts",
    metavar="CAPTURE",
    multiple=True,
    help="A capture of the same time on the clients' side, which tells who they are."
    " Repeatable.",
)
@click.option(
    "--destination",
    type=ENDPOINT,
    help="Where the clients connected to; with --front it is known.",
)
@click.option(
    "--name",
    metavar="NAME",
    default="learnt",
    show_default=True,
    help="The name of the format.",
)
@click.option(
    "--output",
    "file",
    metavar="FILE",
    help="Write the layout here; - is standard output, and the table goes to standard"
    " error.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(
    *,
    captures: tuple[str, ...],
    clients: tuple[Endpoint, ...],
    fronts: tuple[str, ...],
    destination: Endpoint | UnixEndpoint | None,
    name: str,
    file: str | None,
    as_json: bool,
) -> None:
    """Find the layout of preambles in a capture of known clients.

    CAPTURE holds what a sender of preambles says to a node, pcap or pcapng. The
    layout's file is then a format: magic decode --layout FILE --format NAME.
    """
    if not clients and not fronts:
        raise click.UsageError(
            "give --front, or --client for each client that is known"
        )
    if isinstance(destination, UnixEndpoint):
        raise click.UsageError("--destination is an IP address and port")
    known = Fronts(_conversations(fronts)) if fronts else None
    gathered = gather(
        _conversations(captures),
        fronts=known,
        clients=clients,
        destination=destination,
    )
    lesson = learn(gathered.samples, name)
    words = sys.stderr if file == "-" else sys.stdout
    if lesson.layout is None:
        raise CommandError(_nothing(lesson, gathered, known), Exit.DATA)
    if as_json:
        said = json.dumps(_described(lesson, gathered)).replace("\x7f", "\\u007f")
    else:
        said = _drawn(lesson, gathered, words)
    output.say(said, words)
    if file == "-":
        output.write(lesson.text().encode())
    elif file is not None:
        try:
            Path(file).write_text(lesson.text(), "utf-8")
        except OSError as error:
            said = f"{file}: {error.strerror}"
            raise CommandError(said, Exit.CANNOT_CREATE) from None


def _conversations(captures: tuple[str, ...]) -> Iterator[Conversation]:
    try:
        yield from Reader(captures, wanted=wanted)
    except CaptureError as error:
        # What stands before the fault has been given, and may well suffice.
        click.echo(f"magic: {printable(str(error))}", err=True)
    except OSError as error:
        where = error.filename or "standard input"
        raise CommandError(f"{where}: {error.strerror}", Exit.NO_INPUT) from None


def _nothing(lesson: Lesson, gathered: Gathered, fronts: Fronts | None) -> str:
    said = list(lesson.needs)
    if not gathered.samples:
        said = [
            f"no connection of a client that is known: {gathered.nobodys} of others,"
            f" {gathered.silent} silent, {gathered.strange} without TLS or HTTP"
        ]
        if fronts is not None and not len(fronts):
            said.append("no ClientHello in front")
    return "nothing is learnt: " + "; ".join(said)


def _described(lesson: Lesson, gathered: Gathered) -> dict[str, Any]:
    return {
        "format": str(lesson.layout),
        "sure": round(lesson.sure, 6),
        "unknown": lesson.unknown,
        "variants": [
            {
                "family": variant.family,
                "samples": variant.samples,
                "parts": [
                    {
                        "name": one.part.name,
                        "spelling": spoken(one.part),
                        "example": one.example.hex(),
                        "sure": round(one.sure, 6) if is_known(one.part) else None,
                        "distinct": one.distinct,
                        "why": one.why,
                    }
                    for one in variant.parts
                ],
            }
            for variant in lesson.variants
        ],
        "agreeing": len(lesson.agreeing),
        "contradicting": [one.number for one in lesson.contradicting],
        "unread": [one.number for one in lesson.unread],
        "nobodys": gathered.nobodys,
        "silent": gathered.silent,
        "strange": gathered.strange,
        "needs": [*lesson.needs, *gathered.needs],
    }


def _drawn(lesson: Lesson, gathered: Gathered, words: Any) -> str:
    from rich.text import Text

    from sslmagic_cli import render

    parts: list[Any] = []
    for variant in lesson.variants:
        text = Text.assemble((str(lesson.layout), "bold"), f"  {variant.family}  ")
        text.append(f"{variant.samples} connections", "dim")
        parts += [text, "", render.fields(_fields(variant)), ""]
    unknown = f", {lesson.unknown} octets unknown" if lesson.unknown else ""
    parts.append(
        render.note(f"Sure: {lesson.sure:.3f}, the least of its parts{unknown}.")
    )
    parts.append(render.note(_counted(lesson, gathered)))
    parts += [render.note(f"- {need}") for need in (*lesson.needs, *gathered.needs)]
    return render.drawn(*parts, to=words)


def _counted(lesson: Lesson, gathered: Gathered) -> str:
    counts = [
        f"{len(lesson.agreeing)} connections agree",
        f"{len(lesson.contradicting)} name another client"
        + _numbers(lesson.contradicting),
        f"{len(lesson.unread)} are not read" + _numbers(lesson.unread),
        f"{gathered.nobodys} are of clients that are not known",
        f"{gathered.silent} silent",
        f"{gathered.strange} without TLS or HTTP",
    ]
    return ", ".join(one for one in counts if not one.startswith("0 ")) + "."


def _numbers(samples: tuple[Sample, ...]) -> str:
    shown = [str(one.number) for one in samples[:_SHOWN] if one.number]
    more = ", ..." if len(samples) > _SHOWN else ""
    return f" ({', '.join(shown)}{more})" if shown else ""


def _fields(variant: Taught) -> list[Field]:
    fields: list[Field] = []
    at = 0
    for one in variant.parts:
        sure = f"  {one.sure:.3f}" if is_known(one.part) else ""
        why = one.why if not isinstance(one.part, Literal) else ""
        meaning = f"{spoken(one.part)}{sure}" + (f"  {why}" if why else "")
        if one.example:
            fields.append(Field(at, one.example, one.part.name, printable(meaning)))
        at += len(one.example)
    return fields
