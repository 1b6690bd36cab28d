"""A gateway's process: ready when it says so, and a clear word when it never is."""

from __future__ import annotations

import socket

import pytest

from sslmagic import Endpoint
from sslmagic_cli.demo.gateway import Gateway
from sslmagic_cli.exits import CommandError, Exit

NODE = Endpoint("127.0.0.1", 9)


def test_is_ready_at_the_address_that_it_says() -> None:
    with Gateway(NODE, "--enhance", "magic") as gateway:
        address = gateway.address
        assert gateway.address is address
        socket.create_connection(address, 10).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, 10)


def test_that_does_not_come_up_says_why() -> None:
    with (
        Gateway(NODE, "--enhance", "smoke") as gateway,
        pytest.raises(CommandError, match="smoke") as failed,
    ):
        assert gateway.address
    assert failed.value.exit_code is Exit.UNAVAILABLE
