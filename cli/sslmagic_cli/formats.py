"""Formats by name, on every command line: those of spec.md, and learnt layouts.

`--layout FILE` is read first, and from then on the layout's name is one more format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sslmagic.wire import FORMATS, Learnt
from sslmagic_cli.arguments import EXTENSION
from sslmagic_cli.exits import CommandError, Exit

__all__ = [
    "FormatName",
    "check_said",
    "check_written",
    "extension_options",
    "layout_option",
    "layouts",
]

if TYPE_CHECKING:
    # Generic for type checkers only: click before 8.5 cannot be subscripted.
    Choice = click.Choice[str]
else:
    Choice = click.Choice

Function = TypeVar("Function", bound=Callable[..., Any])
_META = "sslmagic_cli.layouts"


class FormatName(Choice):
    """The name of a format, of a layout that `--layout` has read, or another word.

    Args:
        words: what else may stand there.
        first: whether they stand in front of the formats in the help.
    """

    def __init__(self, *words: str, first: bool = False) -> None:
        super().__init__([*words, *FORMATS] if first else [*FORMATS, *words])

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        """Return the layout under that name, or the name."""
        for layout in layouts(ctx):
            if value == layout:
                return layout
        return super().convert(value, param, ctx)


def layouts(context: click.Context | None = None) -> tuple[Learnt, ...]:
    """Return the layouts that the running command was given."""
    context = context or click.get_current_context()
    found: tuple[Learnt, ...] = context.meta.get(_META, ())
    return found


def check_written(format: str) -> None:
    """Say what a preamble in *format* will hold that nobody knows.

    Raises:
        CommandError: none can be written that could be right.
    """
    if not isinstance(format, Learnt):
        return
    if format.refusal:
        raise CommandError(
            f"layout {format} cannot be written: {format.refusal}", Exit.CONFIGURATION
        )
    for doubt in format.doubts:
        click.echo(f"magic: layout {format}: {doubt}", err=True)
    if format.lacks_destination:
        click.echo(
            f"magic: layout {format}: it does not say where the client connected",
            err=True,
        )


def check_said(accepted: Iterable[str], format: str) -> None:
    """Refuse to say what is *accepted* again in *format* if a destination is lacking.

    Raises:
        CommandError: *format* needs one, and an accepted layout does not say it.
    """
    for layout in accepted:
        if (
            isinstance(layout, Learnt)
            and not layout.says_enough_for(format)
            and format != "plain"
        ):
            raise CommandError(
                f"layout {layout} does not say where the client connected, and"
                f" {format} must: give --destination",
                Exit.CONFIGURATION,
            )


def _remember(
    context: click.Context, param: click.Parameter, names: tuple[str, ...]
) -> None:
    if not names:
        return
    # What only a layout needs is loaded with the first one.
    from sslmagic.layout import Layout

    found: list[Learnt] = []
    for name in names:
        try:
            layout = Layout.load(name)
        except OSError as error:
            said = f"{name}: {error.strerror}"
            raise CommandError(said, Exit.NO_INPUT) from None
        if str(layout) in [str(one) for one in found]:
            raise click.BadParameter(
                f"{name} is a second layout {layout}", ctx=context, param=param
            )
        found.append(layout)
    context.meta[_META] = tuple(found)


def layout_option(function: Function) -> Function:
    """Give a command `--layout`."""
    return click.option(
        "--layout",
        metavar="FILE",
        multiple=True,
        is_eager=True,
        expose_value=False,
        callback=_remember,
        help="A learnt layout, whose name is then a format. Repeatable.",
    )(function)


def extension_options(function: Function) -> Function:
    """Give a command `--tlv`, as ``tlvs``, and `--crc32c`."""
    tlv = click.option(
        "--tlv",
        "tlvs",
        type=EXTENSION,
        multiple=True,
        help="An extension: AUTHORITY=shop.example, 0xE7=hex:0badcafe, ... Repeatable.",
    )
    crc32c = click.option("--crc32c", is_flag=True, help="Add a CRC32C extension.")
    return tlv(crc32c(function))
