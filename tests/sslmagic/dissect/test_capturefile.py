"""capturefile.py: what is written is what scapy and the formats' own texts read."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import RawPcapNgReader, RawPcapReader

from sslmagic.dissect.capturefile import Form, Packet, write

TIME = 1_795_737_600_123_456_789
PACKETS = [Packet(TIME, b"abc", "the first"), Packet(TIME + 1, bytes(range(64)))]
READERS: dict[Form, Any] = {"pcapng": RawPcapNgReader, "pcap": RawPcapReader}


@pytest.mark.parametrize("form", ["pcapng", "pcap"])
@pytest.mark.parametrize("snaplen", [0, 2, 10])
def test_another_reader_has_the_same(tmp_path: Path, form: Form, snaplen: int) -> None:
    file = tmp_path / "capture"
    with file.open("wb") as stream:
        assert write(stream, PACKETS, link=1, form=form, snaplen=snaplen) == 2
    with READERS[form](str(file)) as reader:
        for packet, (octets, said) in zip(PACKETS, reader, strict=True):
            assert octets == (packet.octets[:snaplen] if snaplen else packet.octets)
            assert said.wirelen == len(packet.octets)
            if form == "pcapng":
                time = said.tshigh << 32 | said.tslow
                assert (time, said.linktype) == (packet.time, 1)
            else:
                assert said.sec * 10**9 + said.usec == packet.time
                assert reader.nano


def test_pcapng_says_what_it_is_and_where_it_was_captured() -> None:
    stream = io.BytesIO()
    write(stream, PACKETS, link=101, interface="back0", comment="made by hand")
    octets = stream.getvalue()
    blocks = []
    while octets:
        kind, length = struct.unpack_from("<II", octets)
        assert octets[length - 4 : length] == octets[4:8]
        assert length % 4 == 0
        blocks.append((kind, octets[8 : length - 4]))
        octets = octets[length:]
    assert [kind for kind, _ in blocks] == [0x0A0D0D0A, 1, 6, 6]
    section, interface, first, second = (body for _, body in blocks)
    assert section[16:].startswith(b"\x01\0\x0c\0made by hand\0\0\0\0")
    assert interface[:8] == struct.pack("<HHI", 101, 0, 0)
    assert interface[8:] == b"\x02\0\x05\0back0\0\0\0\x09\0\x01\0\x09\0\0\0\0\0\0\0"
    assert first.endswith(b"\x01\0\x09\0the first\0\0\0\0\0\0\0")
    assert second.endswith(PACKETS[1].octets)
