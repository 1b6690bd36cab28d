"""ends.py: who takes part, named or not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sslmagic_cli.craft.crafted import Run, check_refused, crafted


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


def test_who_takes_part(run: Run, out: Path) -> None:
    ends = ["--source", "198.51.100.7:5", "--destination", "198.51.100.8:6"]
    ends += ["--peer", "[2001:db8::1]:7", "--listener", "[2001:db8::2]:8"]
    (said,) = crafted(run, out, *ends, "--tls", "none", "--format", "proxy1")
    assert said["client"] == {"host": "198.51.100.7", "port": 5}
    assert said["preamble"]["destination"] == {"host": "198.51.100.8", "port": 6}
    assert said["peer"] == {"host": "2001:db8::1", "port": 7}
    assert said["follows"] == "http"
    (said,) = crafted(run, out, "--ipv6", "--local", "--tls", "none")
    assert (said["verdict"], said["client"]) == ("local", None)
    assert said["listener"] == {"host": "2001:db8:b::10", "port": 8443}
    (said,) = crafted(run, out, "--source", "unix:/run/client", "--tls", "none")
    assert said["verdict"] == "source"


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x", "--local", "--source", "192.0.2.1:5"], "--local names no"),
        (["x", "--peer", "unix:/run/x"], "packets have IP addresses"),
        (["x", "--peer", "192.0.2.1:5", "--listener", "[::1]:5"], "no common IP"),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run, words: list[str], what: str, tmp_path: Path
) -> None:
    check_refused(run, words, what, tmp_path)
