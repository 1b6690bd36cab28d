"""connections.py: one behind the other, each with a port and a fault of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader

from sslmagic.capture.conversations import Reader
from sslmagic.capture.judge import Judge
from sslmagic_cli.inspect.record import recorded
from tests.captures.agreement import differences
from tests.sslmagic_cli.craft.crafted import Run, check_refused, crafted


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out.pcapng"


def test_the_capture_ends_in_those_that_wait(run: Run, out: Path) -> None:
    words = ["--fault", "waiting", "--fault", "missing", "--count", "3", "--tls", "1.2"]
    made = crafted(run, out, *words)
    verdicts = [one["verdict"] for one in made]
    assert verdicts == ["missing"] * 3 + ["waiting"] * 3
    reader: Any = RawPcapNgReader(str(out))
    with reader:
        times = [said.tshigh << 32 | said.tslow for _, said in reader]
    last = [at for at in times if at > times[-1] - 5_000_000_000]
    assert len(last) == sum(one["packets"] for one in made[3:])
    judge = Judge()
    found = map(recorded, map(judge.judge, Reader([str(out)], wanted=judge.wanted)))
    ordered = sorted(found, key=lambda one: one["number"])
    assert list(differences(made, ordered)) == []


def test_the_same_seed_makes_the_same_octets(run: Run, out: Path) -> None:
    words = ["--count", "3", "--reorder", "--tls", "none", "--seed"]
    made = []
    for seed in "778":
        crafted(run, out, *words, seed)
        made.append(out.read_bytes())
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["x", "--format", "proxy1", "--fault", "tlv"], "proxy1 has no fault tlv"),
        (["x", "--vlan", "10", "--link", "raw"], "raw has no VLANs"),
        (["x", "--fragments", "30"], "a multiple of 8"),
        (["x", "--fault", "late", "--tls", "none"], "late is said of TLS"),
        (
            ["x", "--peer", "192.0.2.10:8442", "--count", "2"],
            "192.0.2.10:8443 would connect to itself",
        ),
        (
            [
                "x",
                "--fault",
                "loss",
                "--tls",
                "none",
                "--segments",
                "99",
                "--end",
                "open",
            ],
            "cut the preamble smaller",
        ),
    ],
)
def test_what_cannot_be_asked_for(
    run: Run, words: list[str], what: str, tmp_path: Path
) -> None:
    check_refused(run, words, what, tmp_path)
