"""What a node accepts: options of `magic node`, by which `magic inspect` judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from sslmagic.reception import DEADLINE
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS
from sslmagic_cli.arguments import NETWORK, Seconds
from sslmagic_cli.formats import FormatName, layout_option

__all__ = ["EVERYBODY", "acceptance_options", "trust_of"]

Function = TypeVar("Function", bound=Callable[..., Any])

EVERYBODY: Final = ("0.0.0.0/0", "::/0")
"""As `NETWORK` writes them."""


def acceptance_options(*, everything: bool = False) -> Callable[[Function], Function]:
    """Return what gives a command the options.

    Args:
        everything: whether everybody is trusted, and every format accepted, where
            nothing is said; else somebody must be named.
    """
    options: tuple[Callable[[Any], Any], ...] = (
        click.option(
            "--trust",
            type=NETWORK,
            multiple=True,
            required=not everything,
            default=EVERYBODY if everything else None,
            show_default="everybody" if everything else False,
            help="Who must send a preamble and is believed; unix for UNIX peers."
            " Repeatable.",
        ),
        click.option(
            "--accept",
            type=FormatName(),
            multiple=True,
            default=None if everything else FORMATS[:1],
            show_default="every format" if everything else True,
            help="The preamble that they must send. Repeatable.",
        ),
        layout_option,
        click.option(
            "--direct",
            type=NETWORK,
            multiple=True,
            help="Who is a client itself and sends no preamble. Repeatable.",
        ),
        click.option(
            "--others",
            type=click.Choice(["refuse", "direct"]),
            default="refuse",
            show_default=True,
            help="What everybody else is.",
        ),
        click.option(
            "--allow-loopback-source",
            is_flag=True,
            help="Believe a loopback source from any trusted peer.",
        ),
        click.option(
            "--local",
            type=click.Choice(["unnamed", "direct", "refuse"]),
            default="unnamed",
            show_default=True,
            help="What a preamble without a client makes of the connection.",
        ),
        click.option(
            "--protocol",
            type=click.Choice(["stream", "ssl"]),
            default="stream",
            show_default=True,
            help="What follows the preamble.",
        ),
        click.option(
            "--deadline",
            type=Seconds(zero=False),
            metavar="SECONDS",
            default=DEADLINE,
            show_default=True,
            help="For the whole preamble.",
        ),
    )

    def given(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return given


def trust_of(options: dict[str, Any], *, anyone: bool) -> Trust:
    """Take out of a command's options who is believed.

    Args:
        anyone: whether all addresses may be trusted.

    Raises:
        ConfigurationError: they contradict each other.
    """
    return Trust(
        options.pop("trust"),
        options.pop("direct"),
        options.pop("others"),
        options.pop("accept"),
        local=options.pop("local"),
        loopback_sources=options.pop("allow_loopback_source"),
        anyone=anyone,
    )
