"""extra.py: whoever lacks the extra reads its name."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest

from sslmagic_cli.exits import Exit
from tests.sslmagic_cli.craft.crafted import Run


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


@pytest.mark.parametrize("missing", ["scapy", "trustme"])
def test_a_missing_extra_is_named(
    run: Run, out: Path, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == missing or (
            missing == "scapy" and name == "sslmagic.dissect.packets"
        ):
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ended = run("craft", str(out))
    assert ended.code == Exit.UNAVAILABLE
    assert f"needs {missing}: pip install 'sslmagic[craft]'" in ended.complaint
    assert not out.exists()
