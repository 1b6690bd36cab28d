"""acceptance.py: what a node is told of whom it believes, and who judges like one."""

from __future__ import annotations

from typing import Any

import click
import pytest

from sslmagic.capture.judge import ANYBODY
from sslmagic.errors import ConfigurationError
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS
from sslmagic_cli.acceptance import EVERYBODY, acceptance_options, trust_of


def told(*arguments: str, everything: bool = False) -> dict[str, Any]:
    @click.command()
    @acceptance_options(everything=everything)
    def nothing(**options: object) -> None:
        """Accept nothing."""

    return nothing.make_context("x", [*arguments]).params


def test_the_defaults_are_the_trusts_own() -> None:
    options = told("--trust", "10.0.0.0/8")
    assert trust_of(options, anyone=False) == Trust(["10.0.0.0/8"])
    assert options == {"protocol": "stream", "deadline": 5.0}


def test_every_option_is_heard() -> None:
    options = told(
        *("--trust", "10.0.0.0/8", "--direct", "10.1.0.0/16", "--others", "direct"),
        *("--accept", "proxy1", "--accept", "proxy2", "--local", "refuse"),
        "--allow-loopback-source",
    )
    assert trust_of(options, anyone=False) == Trust(
        ["10.0.0.0/8"],
        ["10.1.0.0/16"],
        "direct",
        ["proxy1", "proxy2"],
        local="refuse",
        loopback_sources=True,
    )


def test_somebody_must_be_named() -> None:
    with pytest.raises(click.MissingParameter, match="trust"):
        told()
    with pytest.raises(ConfigurationError):
        trust_of(told("--trust", EVERYBODY[0]), anyone=False)


def test_who_only_looks_believes_everybody() -> None:
    options = told(everything=True)
    assert (options["trust"], options["accept"]) == (EVERYBODY, ())
    options["accept"] = FORMATS
    assert trust_of(options, anyone=True) == ANYBODY
