"""spec.md section 14: a server that knows of no preamble fails at once, and loudly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.interop.authority import Authority
from tests.interop.peers import needs
from tests.interop.strangers.servers import STRANGERS, Stranger
from tests.interop.wrong_port import BEGIN, END, SPEC, answers

# Those that listen on a loopback address, and are Debian's or Python's.
JUDGED = [s for s in STRANGERS if s.needs or s.name == "Python ssl"]


@pytest.mark.parametrize("stranger", JUDGED, ids=lambda stranger: stranger.name)
def test_a_server_without_preambles(
    stranger: Stranger, tmp_path: Path, authority: Authority
) -> None:
    if stranger.needs:
        needs(stranger.needs)
    found = answers(stranger, tmp_path, authority)
    assert found["nothing"] == "handshake", "without a preamble it serves TLS"
    for opening in ("MAGIC", "MAGIC alone"):
        assert found[opening] == "closes" or found[opening].startswith("fatal alert")


def test_the_table_names_every_server() -> None:
    table = SPEC.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    for stranger in STRANGERS:
        assert f"| {stranger.name} " in table
