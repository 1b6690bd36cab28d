"""catalogue.py: the faults by name, and all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sslmagic.dissect.faults import FAULTS
from sslmagic.wire import FORMATS
from tests.sources import PROJECT
from tests.sslmagic_cli.craft.crafted import Run, check_refused


def test_faults_are_listed(run: Run) -> None:
    ended = run("craft", "--list-faults")
    lines = ended.out.decode().splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert "checksum    a wrong CRC32C (magic, proxy2)" in lines


def test_the_document_has_every_fault() -> None:
    text = (PROJECT / "docs" / "craft.md").read_text("utf-8")
    rows = text.split("<!-- faults: begin -->")[1].split("<!-- faults: end -->")[0]
    assert rows.strip().splitlines()[2:] == [
        f"| `{one.name}` | {one.about} |"
        f" {'all' if one.formats == FORMATS else ', '.join(one.formats)} |"
        for one in FAULTS.values()
    ]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x", "--fault", "nonsense"], "no fault is called 'nonsense'"),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run, words: list[str], what: str, tmp_path: Path
) -> None:
    check_refused(run, words, what, tmp_path)
