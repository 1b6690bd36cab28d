"""pcap.py: files in both orders, micro- and nanoseconds, and broken ones."""

from __future__ import annotations

import io
import struct

import pytest

from sslmagic.capture.conversation import Conversation
from sslmagic.capture.conversations import Reader
from sslmagic.errors import CaptureError
from tests.sslmagic.capture.wired import T0, Talk, pcap, read


def talk() -> Talk:
    one = Talk(step=1001)
    one.open()
    for number in range(20):
        one.add(0, number * 10, bytes([number]) * 10)
    one.close(200, 0)
    return one


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("plain", [False, True])
def test_orders_and_units(order: str, nanoseconds: bool, plain: bool) -> None:
    capture = pcap(talk().frames(), order=order, nanoseconds=nanoseconds)
    (one,) = read(capture, wanted=15, plain=plain)
    assert one.sent.octets == bytes(10) + b"\1" * 5
    assert one.opened == T0 + (1001 if nanoseconds else 1000)
    assert one.closed == T0 + 26 * 1001 // (1 if nanoseconds else 1000) * (
        1 if nanoseconds else 1000
    )


def test_times_of_plain_packets_are_right() -> None:
    """The last packet is one that was only counted."""
    one = talk()
    one.packets = one.packets[:-3]
    for order in "<>":
        (found,) = read(pcap(one.frames(), order=order, nanoseconds=True), wanted=0)
        assert found.closed == one.packets[-1][0]


def broken(octets: bytes) -> tuple[list[Conversation], CaptureError]:
    found = []
    with pytest.raises(CaptureError) as caught:
        for one in Reader([io.BytesIO(octets)], wanted=lambda _: 0):
            found.append(one)  # noqa: PERF402 -- what came before the error counts
    return found, caught.value


GOOD = pcap(talk().frames())


@pytest.mark.parametrize(
    ("octets", "offset", "said"),
    [
        (b"", 0, "the capture is empty"),
        (GOOD[:3], 3, "begin with"),
        (GOOD[:20], 20, "ends in its header"),
        (b"\x34\xcd\xb2\xa1" + GOOD[4:], 0, "Kuznetzov"),
        (b"GET / HTTP/1.1\r\n", 0, "neither pcap nor pcapng: it begins with 47 45 54"),
        (GOOD[:4] + b"\x03" + GOOD[5:], 4, "version 3"),
        (GOOD[:20] + struct.pack("<I", 127) + GOOD[24:], 20, "802.11"),
    ],
)
def test_what_is_no_pcap_is_said_to_be_none(
    octets: bytes, offset: int, said: str
) -> None:
    found, error = broken(octets)
    assert found == []
    assert (error.offset, error.capture) == (offset, "-")
    assert said in str(error)


@pytest.mark.parametrize("cut", [1, 15, 17, 60])
def test_what_stands_before_the_end_of_a_cut_file_is_given(cut: int) -> None:
    frames = talk().frames()
    whole = pcap(frames[:10])
    found, error = broken(pcap(frames)[: len(whole) + cut])
    assert found[0].sent.packets == 9
    assert error.offset == len(whole)
    assert f"of which it has {cut} octets" in str(error)


def test_what_stands_before_a_broken_record_is_given() -> None:
    frames = talk().frames()
    whole = pcap(frames[:10])
    found, error = broken(whole + b"\xff" * 100)
    assert found[0].sent.packets == 9
    assert error.offset == len(whole)
    assert "no record begins so" in str(error)


def test_the_name_is_that_of_the_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "a.pcap"
    file.write_bytes(GOOD)
    (one,) = Reader([file], wanted=lambda _: 0)
    assert one.capture == str(file)
