"""decoder.py: any split of the octets gives the same result as one piece."""

from __future__ import annotations

import pytest

from sslmagic.decoder import Decoder, Framer, decode
from sslmagic.errors import ConfigurationError, DecodeError, IncompleteError, Reason
from sslmagic.preamble import Preamble
from sslmagic.wire import encode
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import Learnt
from sslmagic.wire.parts import Literal
from sslmagic.wire.variant import Variant

PREAMBLE = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
FORMATS = ("magic", "proxy1", "proxy2")


@pytest.mark.parametrize("format", FORMATS)
def test_reading_what_is_wanted_leaves_the_rest(format: str) -> None:
    octets = encode(PREAMBLE, format)
    stream = octets + b"\x16\x03\x01"
    decoder = Decoder(format)
    taken = 0
    while (preamble := decoder.feed(b"")) is None:
        assert 0 < decoder.wanted <= len(octets) - taken
        step = decoder.wanted
        decoder.feed(stream[taken : taken + step])
        taken += step
    assert preamble == PREAMBLE
    assert taken == len(octets)
    assert decoder.rest == b""
    assert decoder.wanted == 0


@pytest.mark.parametrize("format", FORMATS)
def test_what_follows_is_untouched(format: str) -> None:
    decoder = Decoder(format)
    assert decoder.rest == b""
    assert decoder.feed(encode(PREAMBLE, format) + b"ab") == PREAMBLE
    assert decoder.feed(b"cd") == PREAMBLE
    assert decoder.rest == b"abcd"
    assert decoder.close() == PREAMBLE
    assert decoder.frame is not None
    assert decoder.frame.octets == encode(PREAMBLE, format)


def test_octets_of_a_bytearray_are_copied() -> None:
    stream = bytearray(encode(PREAMBLE))
    decoder = Decoder()
    decoder.feed(memoryview(stream)[:20])
    stream[:20] = bytes(20)
    assert decoder.feed(bytes(stream[20:])) == PREAMBLE


@pytest.mark.parametrize("format", FORMATS)
def test_a_stream_that_ends_early(format: str) -> None:
    octets = encode(PREAMBLE, format)
    for cut in range(len(octets)):
        with pytest.raises(IncompleteError) as caught:
            decode(octets[:cut], format)
        assert caught.value.offset == cut
        assert caught.value.reason is Reason.TRUNCATED


def test_the_first_octet_chooses_among_the_formats() -> None:
    for format in FORMATS:
        decoder = Decoder(FORMATS)
        assert decoder.feed(encode(PREAMBLE, format)) == PREAMBLE
        assert decoder.frame is not None
        assert decoder.frame.format == format


def test_formats_may_come_in_any_collection() -> None:
    formats = ["proxy1", "proxy2"]
    for given in (formats, iter(formats)):
        assert Decoder(given).feed(encode(PREAMBLE, "proxy2")) == PREAMBLE
    with pytest.raises(DecodeError):
        Decoder(formats).feed(encode(PREAMBLE, "magic"))


def test_a_format_that_is_not_required_is_refused_at_its_first_octet() -> None:
    decoder = Decoder(("magic", "proxy2"))
    with pytest.raises(DecodeError, match="octet 0x50 does not start magic or proxy2"):
        decoder.feed(b"P")
    assert decoder.wanted == 0


@pytest.mark.parametrize(
    ("octets", "formats", "said"),
    [
        (b"\x16", "magic", "octet 0x16 does not start magic"),
        (
            b"\x16\x03\x01",
            "magic",
            "octet 0x16 does not start magic: TLS begins where a preamble was due",
        ),
        (
            b"GET / HTTP/1.1\r\n",
            ("magic", "proxy2"),
            "octet 0x47 does not start magic or proxy2:"
            " HTTP begins where a preamble was due",
        ),
        # Its first octet is that of PROXY v1.
        (
            b"POST / HTTP/1.1\r\n",
            "proxy1",
            "octet 4F where PROXY v1 has 52: HTTP begins where a preamble was due",
        ),
    ],
)
def test_what_stands_there_instead_of_a_preamble_is_named(
    octets: bytes, formats: str | tuple[str, ...], said: str
) -> None:
    with pytest.raises(DecodeError) as caught:
        Decoder(formats).feed(octets)
    assert caught.value.message == said
    assert caught.value.reason is Reason.FORMAT
    assert caught.value.offset == said.startswith("octet 4F")


def test_a_preamble_that_is_only_wrong_is_nothing_else() -> None:
    with pytest.raises(DecodeError) as caught:
        Decoder("proxy1").feed(b"PROXY TCP5 \r\n")
    assert "begins" not in caught.value.message


def test_a_layout_that_begins_as_http_does_is_not_taken_for_it() -> None:
    parts = (
        *(Literal(b"CONNECT "), Address(of="source", form="text"), Literal(b" ")),
        *(Port(of="source", form="decimal"), Literal(b" HTTP/1.1\r\n")),
    )
    decoder = Decoder(Learnt("connect", [Variant(parts)]))
    with pytest.raises(DecodeError) as caught:
        decoder.feed(b"CONNECT 203.0.113.9 51234 HTTP/1.0\r\n")
    assert caught.value.message == "octet 30 where the layout has 31"
    assert caught.value.reason is Reason.FORMAT


def test_a_failed_decoder_stays_failed() -> None:
    decoder = Decoder()
    with pytest.raises(DecodeError) as first:
        decoder.feed(b"GET")
    with pytest.raises(DecodeError) as second:
        decoder.feed(encode(PREAMBLE))
    with pytest.raises(DecodeError) as third:
        decoder.close()
    assert first.value is second.value is third.value
    assert decoder.frame is None


def test_a_framed_preamble_may_still_be_wrong() -> None:
    octets = bytearray(encode(PREAMBLE))
    octets[20:22] = b"\0\0"
    decoder = Decoder()
    with pytest.raises(DecodeError, match="port 0"):
        decoder.feed(bytes(octets) + b"rest")
    with pytest.raises(DecodeError, match="port 0"):
        decoder.close()


def test_a_limit_of_ones_own() -> None:
    assert decode(encode(PREAMBLE), limit=24)[0] == PREAMBLE
    with pytest.raises(DecodeError) as caught:
        decode(encode(PREAMBLE), limit=23)
    assert caught.value.reason is Reason.OVERSIZE


@pytest.mark.parametrize("formats", ["auto", (), ("magic", "spp")])
def test_formats_that_do_not_exist(formats: str | tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError):
        Decoder(formats)


def test_a_framer_parses_nothing() -> None:
    octets = bytearray(encode(PREAMBLE))
    octets[20:22] = b"\0\0"
    framer = Framer()
    frame = framer.feed(bytes(octets))
    assert frame is not None
    assert framer.close() == frame
    assert frame.proof is None
