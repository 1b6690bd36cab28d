"""What the commands that relay share."""

from __future__ import annotations

import errno

import click
import pytest

from sslmagic.preamble import Endpoint
from sslmagic.relay.limits import Limits
from sslmagic_cli import relaying
from sslmagic_cli.exits import CommandError
from sslmagic_cli.relaying import limits_of, relay_options


def command() -> click.Command:
    @click.command()
    @relay_options
    def nothing(**options: object) -> None:
        """Relay nothing."""

    return nothing


def test_the_defaults_are_the_limits_own() -> None:
    options = command().make_context("x", ["--listen", "127.0.0.1:0"]).params
    assert limits_of(options) == Limits()
    assert sorted(options) == ["backlog", "grace", "listen", "workers"]
    assert options["grace"] == 5
    assert options["workers"] >= 1


@pytest.mark.parametrize("name", Limits.__slots__)
def test_every_limit_is_an_option(name: str) -> None:
    flag = f"--{name.replace('_', '-')}"
    context = command().make_context("x", ["--listen", ":1", flag, "2048"])
    assert getattr(limits_of(context.params), name) == 2048


def test_a_buffer_has_its_range() -> None:
    with pytest.raises(click.BadParameter):
        command().make_context("x", ["--listen", ":1", "--max-client-buffer", "1"])


def test_a_port_that_only_root_may_have_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused(*where: object, **how: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(relaying, "Listening", refused)
    with pytest.raises(CommandError, match=r":443: Permission denied .*CAP_NET_BIND"):
        relaying.run(
            [Endpoint("", 443)],
            lambda worker: pytest.fail("no worker has anything to do"),
            workers=1,
            grace=0,
            backlog=1,
            sweep=1,
            defer=False,
        )
