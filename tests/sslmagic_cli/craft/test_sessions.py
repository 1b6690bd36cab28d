"""sessions.py: real TLS of the name that is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import Judge
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.sslmagic_cli.craft.crafted import Run, crafted


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


@pytest.mark.parametrize("name", ["münchen.de", "ex_ample.example", ""])
def test_the_name_that_is_expected_is_the_one_sent(
    run: Run, out: Path, name: str
) -> None:
    expected = crafted(run, out, "--server-name", name, "--alpn", "h2")
    judge = Judge()
    found = [
        recorded(judge.judge(one)) for one in Reader([str(out)], wanted=judge.wanted)
    ]
    assert list(differences(expected, found)) == []
    sent = {"münchen.de": "xn--mnchen-3ya.de", "": None}.get(name, name)
    assert found[0]["tls"]["server_name"] == sent
