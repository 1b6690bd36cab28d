"""faults: each has its place in the table, and is the only thing that is wrong."""

from __future__ import annotations

from pathlib import Path

from sslmagic.dissect.faults import FAULTS
from sslmagic.errors import Reason
from sslmagic.wire import FORMATS
from tests.sslmagic.dissect.faults.second import made, second
from tests.sslmagic.dissect.recipes import IPV4


def test_every_reason_that_octets_can_show_has_a_fault() -> None:
    lacking = {reason.value for reason in Reason} - set(FAULTS)
    # Who may connect, keys, and how many others waited, is not in the octets.
    assert lacking <= {"peer", "proof", "waiting"}
    assert {"peer", "proof"} <= lacking


def test_every_fault_is_of_a_kind_that_is_tested() -> None:
    tested = {path.stem for path in (Path(__file__).parent / "faults").glob("test_*")}
    kinds = {one.change.__module__.rpartition(".")[2] for one in FAULTS.values()}
    assert {f"test_{kind}" for kind in kinds} == tested - {"test_draft"}


def test_a_decoder_would_take_it_without_the_fault() -> None:
    for format in FORMATS:
        one = made(None, format, IPV4)
        assert second(one.exchange.said["peer"], format)[0] == "valid"
        assert one.expected["verdict"] == "ok"
