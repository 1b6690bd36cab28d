"""The demonstration as a user runs it, and that it cannot show what is not so."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sslmagic import Endpoint
from sslmagic_cli.__main__ import magic
from sslmagic_cli.demo import stage
from sslmagic_cli.demo.client import CLIENT
from sslmagic_cli.demo.gateway import Gateway
from sslmagic_cli.exits import Exit

PATIENCE = 50
"""Seconds for the whole of it; it takes two."""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sslmagic_cli", "demo", *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "COLUMNS": "80", **environment},
        timeout=PATIENCE,
    )


def test_shows_the_client_behind_the_gateway_and_succeeds() -> None:
    ended = run()
    assert ended.stderr == ""
    assert ended.returncode == Exit.DONE
    assert "✘" not in ended.stdout
    assert f"X-Cluster-Client-Ip: {CLIENT}" in ended.stdout
    for who in ("Python ssl", "magic", "proxy1", "proxy2"):
        assert re.search(
            rf"^ +{who} .* {re.escape(CLIENT)}:\d+ +✔$", ended.stdout, re.MULTILINE
        )
    assert re.search(r"✔ all \d+ of these hold", ended.stdout)


def test_plain_is_ascii_in_80_columns() -> None:
    ended = run("--plain", FORCE_COLOR="1")
    assert ended.returncode == Exit.DONE
    assert ended.stdout.isascii()
    assert "\x1b" not in ended.stdout
    lines = ended.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    # A picture that is too wide would be wrapped, and fit as well.
    assert any(
        re.search(r"\| client .+\| gateway .+\| backend .+\|$", line) for line in lines
    )


def test_output_without_unicode_is_ascii() -> None:
    ended = run(PYTHONIOENCODING="ascii")
    assert ended.returncode == Exit.DONE
    assert ended.stdout.isascii()


def test_leaves_nothing_behind(tmp_path: Path) -> None:
    assert run("--plain", TMPDIR=str(tmp_path)).returncode == Exit.DONE
    assert list(tmp_path.iterdir()) == []


def test_takes_its_gateways_with_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sslmagic_cli", "demo", "--plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    ) as demo:
        assert demo.stdout is not None
        # The picture comes once the gateways are ready.
        assert any("| gateway " in line for line in demo.stdout)
        children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text()
        demo.send_signal(signal.SIGTERM)
        demo.stdout.read()
        assert demo.wait(PATIENCE) == Exit.INTERRUPTED
    gateways = [int(pid) for pid in children.split()]
    assert len(gateways) == 5
    for pid in gateways:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_fails_if_what_it_shows_is_not_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gateway that sends nothing for the client: every claim about it breaks."""

    def careless(node: Endpoint, *options: str) -> Gateway:
        return Gateway(node, *("none" if one == "magic" else one for one in options))

    monkeypatch.setattr(stage, "Gateway", careless)
    with pytest.raises(SystemExit) as ended:
        magic.run(["demo", "--plain"])
    assert ended.value.code == Exit.FAULT
    said = capsys.readouterr()
    assert "NOT SO" in said.out
    assert "do not hold" in said.out
    assert said.err.startswith("magic: the demo failed: it is not so that the backend")


def test_says_which_extra_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(SystemExit) as ended:
        magic.run(["demo"])
    assert ended.value.code == Exit.UNAVAILABLE
    assert "sslmagic[demo]" in capsys.readouterr().err
