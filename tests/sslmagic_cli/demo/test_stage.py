"""The stage: everything is there while it stands, and nothing afterwards."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from sslmagic_cli.demo.stage import Stage


def test_everything_listens_while_it_stands_and_nothing_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Stage.set_up() as stage:
        assert stage.authority.root.is_relative_to(tmp_path)
        places = [stage.backend.address, stage.wire.address]
        places += [gateway.address for gateway in stage.gateways.values()]
        for place in places:
            socket.create_connection(place, 10).close()
    for place in places:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place, 10)
    assert list(tmp_path.iterdir()) == []


def test_being_ended_is_an_interrupt_while_it_stands() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), Stage.set_up():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
