"""`magic learn`: finds the layout of preambles in captures of known clients."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator

import click

from sslmagic.anatomy import printable
from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader
from sslmagic.capture.learning.gathering import Fronts, Gathered, gather, wanted
from sslmagic.capture.learning.learner import learn
from sslmagic.capture.learning.lesson import Lesson
from sslmagic.errors import CaptureError
from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.wire.learnt import name_fault
from sslmagic_cli import newfile, output
from sslmagic_cli.arguments import CLIENT, ENDPOINT
from sslmagic_cli.exits import CommandError, Exit
from sslmagic_cli.learn.record import recorded

__all__ = ["command"]

_EXAMPLES = """\b
magic learn back.pcapng --front front.pcapng --name stingray --output stingray.toml
magic learn back.pcapng --client 203.0.113.9:51234 --client 203.0.113.9:51236
"""


def _name(context: click.Context, parameter: click.Parameter, text: str) -> str:
    del context, parameter
    if fault := name_fault(text):
        raise click.BadParameter(f"{text!r}: {fault}")
    return text


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
    callback=_name,
    help="The name of the format.",
)
@click.option(
    "--output",
    "file",
    metavar="FILE",
    help="Write the layout here; - is standard output, and the table goes to standard"
    " error.",
)
@click.option("--force", is_flag=True, help="Write over a layout that is there.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(
    *,
    captures: tuple[str, ...],
    clients: tuple[Endpoint, ...],
    fronts: tuple[str, ...],
    destination: Endpoint | UnixEndpoint | None,
    name: str,
    file: str | None,
    force: bool,
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
    if (
        file is not None
        and file != newfile.STANDARD
        and any(newfile.same(file, capture) for capture in (*captures, *fronts))
    ):
        raise click.UsageError("--output is a capture itself")
    with contextlib.ExitStack() as stack:
        # What may not be written over is said before an hour of reading.
        layout = (
            None
            if file is None
            else stack.enter_context(newfile.created(file, force=force))
        )
        known = Fronts(_conversations(fronts)) if fronts else None
        gathered = gather(
            _conversations(captures),
            fronts=known,
            clients=clients,
            destination=destination,
        )
        lesson = learn(gathered.samples, name)
        if lesson.layout is None:
            raise CommandError(_nothing(lesson, gathered, known), Exit.DATA)
        if layout is not None:
            layout.write(lesson.text().encode())
    words = sys.stderr if file == newfile.STANDARD else sys.stdout
    if as_json:
        said = json.dumps(recorded(lesson, gathered)).replace("\x7f", "\\u007f")
    else:
        from sslmagic_cli.learn.table import drawn

        said = drawn(lesson, gathered, words)
    output.say(said, words)


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
