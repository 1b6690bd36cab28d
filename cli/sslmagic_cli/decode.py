"""`magic decode`: takes the preamble off its input and says what it holds."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from sslmagic.decoder import Decoder
from sslmagic.errors import DecodeError
from sslmagic.preamble import Preamble
from sslmagic.wire import FORMATS, Frame
from sslmagic_cli import intake, output
from sslmagic_cli.formats import FormatName, layout_option, layouts
from sslmagic_cli.rest import Rest

__all__ = ["command"]


_EXAMPLES = """\b
magic encode --local | magic decode
magic decode --hex 'cd 03 03 00 07 4d 41 47 49 10 00 00' --json
"""


@click.command("decode", epilog=_EXAMPLES)
@click.argument("file", required=False)
@click.option("--hex", "hex_text", metavar="HEX", help="Octets, instead of FILE.")
@click.option(
    "--format",
    type=FormatName("auto", first=True),
    default="auto",
    show_default=True,
    help="The format to require.",
)
@layout_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.option(
    "--rest",
    metavar="FILE",
    help="Write what follows the preamble here; - is standard output, and the answer"
    " goes to standard error.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="OCTETS",
    help="The longest preamble to take; the format's own limit if not given.",
)
def command(
    *,
    file: str | None,
    hex_text: str | None,
    format: str,
    as_json: bool,
    rest: str | None,
    limit: int | None,
) -> None:
    """Take the preamble off FILE or standard input and say what it holds.

    It answers as soon as the preamble is whole, and reads not one octet more unless
    --rest asks for them.
    """
    formats = (*FORMATS, *layouts()) if format == "auto" else format
    decoder = Decoder(formats, limit=limit)
    with _opened(file, hex_text) as stream:
        seen = bytearray()
        try:
            preamble, frame = _taken(decoder, stream, seen)
        except DecodeError as error:
            if output.is_terminal() and not as_json:
                output.say(_pointed(bytes(seen), format, error))
            raise
        rest_length = intake.length_left(stream)
        follows = None if rest is None else Rest(rest, stream)
        words = sys.stderr if rest == intake.STANDARD else sys.stdout
        if as_json:
            answer = _json(preamble, frame, rest_length)
        else:
            answer = _table(preamble, frame, rest_length, words)
        output.say(answer, words)
        if follows:
            follows.copy()


def _opened(file: str | None, hex_text: str | None) -> intake.Intake:
    if hex_text is not None:
        if file is not None:
            raise click.UsageError("FILE and --hex are two inputs: give one")
        return intake.open_hex(hex_text)
    if file is None and intake.is_terminal():
        raise click.UsageError("give FILE or --hex, or pipe octets in")
    return intake.open_file(file or intake.STANDARD)


def _taken(
    decoder: Decoder, stream: intake.Intake, seen: bytearray
) -> tuple[Preamble, Frame]:
    """Read one preamble and not one octet more; *seen* gets what was read."""
    preamble = None
    while preamble is None:
        octets = intake.read(stream, decoder.wanted)
        seen += octets
        preamble = decoder.feed(octets) if octets else decoder.close()
    frame = decoder.frame
    assert frame is not None
    return preamble, frame


def _json(preamble: Preamble, frame: Frame, rest_length: int | None) -> str:
    import json

    from sslmagic_cli.description import described

    said = json.dumps(described(preamble, frame, rest_length))
    # JSON leaves DEL as it is, a terminal does not.
    return said.replace("\x7f", "\\u007f")


def _table(
    preamble: Preamble, frame: Frame, rest_length: int | None, words: TextIO
) -> str:
    from sslmagic.anatomy import anatomy
    from sslmagic_cli import render

    title = render.title(frame.format, preamble, len(frame.octets))
    table = render.fields(anatomy(frame.octets, frame.format))
    notes: list[str] = []
    if frame.proof:
        notes.append("The proof is not verified: no key is known here.")
    if rest_length:
        notes.append(f"{rest_length} octets follow.")
    return render.drawn(title, "", table, *map(render.note, notes), to=words)


def _pointed(seen: bytes, format: str, error: DecodeError) -> str:
    from sslmagic.anatomy import anatomy
    from sslmagic_cli import render

    for layout in layouts() if format == "auto" else ():
        format = layout if seen and seen[0] in layout.firsts else format
    parts = anatomy(seen, format)
    return render.drawn(render.fields(parts, fault=error), to=sys.stdout)
