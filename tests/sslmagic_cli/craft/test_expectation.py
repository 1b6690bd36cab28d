"""expectation.py: what a reader must say, as captures/schema.json has it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sslmagic_cli.craft.crafted import Run, crafted


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


def test_a_cut_capture_says_who_connected_and_no_more(run: Run, out: Path) -> None:
    (said,) = crafted(run, out, "--snaplen", "60", "--tls", "none")
    assert set(said) == {"number", "peer", "listener", "vlans"}


@pytest.mark.parametrize(("fault", "reader"), [("hello", True), ("nested", False)])
def test_a_reader_that_must_look_behind_is_told_what_for(
    run: Run, out: Path, fault: str, reader: bool
) -> None:
    crafted(run, out, "--fault", fault, "--tls", "1.2")
    said = json.loads(out.with_suffix(".json").read_text())
    assert said["about"] == "made by magic craft"
    assert said.get("reader") == ({"protocol": "ssl"} if reader else None)
