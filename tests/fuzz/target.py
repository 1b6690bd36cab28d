"""The fuzz target: one function that any fuzzer can drive, and its oracles.

    python -m tests.fuzz --seconds 60        our own mutations of the vectors
    atheris.Setup(sys.argv, TestOneInput)    or a fuzzer that sees coverage

The first octet of an input chooses a format and how the rest is cut; the rest is the
stream. What must hold of every stream:

    typed       a preamble or a DecodeError, and nothing else
    split       the same result for one piece, single octets, cuts, and in one call
    second      the same result as the second reader, written from spec.md alone
    round trip  what was decoded is encoded and decoded to the same
    follow      no octet behind the preamble changes what was decoded
    received    a Reception comes to an outcome of the same reason and never raises
    hello       ClientHello reading raises nothing else either
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from sslmagic.decoder import Decoder, decode
from sslmagic.errors import DecodeError, EncodeError
from sslmagic.hello import ClientHello, hello_length, starts_client_hello
from sslmagic.preamble import Command, Endpoint, Preamble
from sslmagic.reception import Accepted, Reception
from sslmagic.trust import Trust
from sslmagic.wire import FORMATS, LIMITS, encode
from tests.vectors.second import reader
from tests.vectors.second.octets import Refused

__all__ = ["Result", "TestOneInput", "examine"]

PEER = Endpoint("10.0.0.1", 40_000)
TRUST: dict[str, Trust] = {
    name: Trust(
        peers=["10.0.0.0/8"], formats=[name], loopback_sources=True, unix_sources=True
    )
    for name in FORMATS
}


class Result(NamedTuple):
    """What a decoder makes of a stream that ends."""

    reason: str | None
    offset: int | None
    preamble: Preamble | None
    length: int


def TestOneInput(data: bytes) -> None:  # noqa: N802, the name fuzzers call
    """Examine one input; raises `AssertionError` if an oracle fails."""
    if data:
        examine(FORMATS[data[0] % 3], data[1:], seed=data[0] // 3)


def examine(format: str, stream: bytes, *, seed: int = 0) -> Result:
    """Ask every oracle about *stream*; return what the decoder made of it."""
    whole = decoded(format, [stream])
    for pieces in splits(stream, seed):
        assert decoded(format, pieces) == whole, f"{format} {stream.hex()}: a split"
    assert in_one_call(format, stream) == whole, f"{format} {stream.hex()}: one call"
    _ask_second(format, stream, whole)
    if whole.preamble is not None:
        _ask_round_trip(format, whole.preamble)
        front = stream[: whole.length]
        for rest in (b"", b"\0\xff", front):
            assert decoded(format, [front + rest]) == whole, f"{stream.hex()}: rest"
    _ask_reception(format, stream, whole)
    _ask_hello(stream)
    return whole


def splits(stream: bytes, seed: int) -> Iterator[list[bytes]]:
    """Yield single octets, and one random cut into pieces."""
    yield [stream[at : at + 1] for at in range(len(stream))]
    chance = random.Random(seed)
    cuts = sorted(chance.choices(range(len(stream) + 1), k=3))
    yield [
        stream[start:end]
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
    ]


def decoded(format: str, pieces: list[bytes]) -> Result:
    """Return the result of a stream that comes in *pieces*, and then ends."""
    decoder = Decoder(format)
    try:
        for piece in pieces:
            decoder.feed(piece)
        preamble = decoder.close()
    except DecodeError as error:
        return Result(error.reason.value, error.offset, None, 0)
    assert decoder.frame is not None
    length = len(decoder.frame.octets)
    assert decoder.rest == b"".join(pieces)[length:]
    return Result(None, None, preamble, length)


def in_one_call(format: str, stream: bytes) -> Result:
    """Return the result of `decode`, which has short cuts of its own."""
    try:
        preamble, rest = decode(stream, format)
    except DecodeError as error:
        return Result(error.reason.value, error.offset, None, 0)
    length = len(stream) - len(rest)
    assert stream[length:] == rest
    return Result(None, None, preamble, length)


def _ask_second(format: str, stream: bytes, whole: Result) -> None:
    try:
        said = reader.decode(stream, format)
    except Refused as refusal:
        found = refusal.reason, refusal.offset
        assert found == whole[:2], f"{format} {stream.hex()}: {found}, {whole[:2]}"
        return
    preamble = whole.preamble
    assert preamble is not None, f"{format} {stream.hex()}: {whole[:2]}, second: valid"
    assert said["length"] == whole.length
    assert said["command"] == preamble.command.name
    assert said["transport"] == preamble.transport.label
    for mine, theirs in (
        (preamble.source, said["source"]),
        (preamble.destination, said["destination"]),
    ):
        assert (None if mine is None else mine._asdict()) == theirs, stream.hex()
    assert [tlv.value.hex() for tlv in preamble.tlvs] == [
        tlv["hex"] for tlv in said["tlvs"]
    ]
    assert [(tlv.name, tlv.said) for tlv in preamble.tlvs] == [
        (tlv["name"], tlv["value"]) for tlv in said["tlvs"]
    ]


def _ask_round_trip(format: str, preamble: Preamble) -> None:
    for other in FORMATS:
        try:
            octets = encode(preamble, other, limit=LIMITS[other])
        except EncodeError:
            # A format may not carry it, or sum it otherwise: its own one must.
            assert other != format or preamble.tlv(3), f"{preamble} in {other}"
            continue
        again = decoded(other, [octets])
        assert again.length == len(octets)
        if preamble.tlv(3):
            continue
        if other == "proxy2" and preamble.command is Command.LOCAL:
            # TLVs may stand behind LOCAL, and nobody reads them there.
            assert again.preamble == Preamble.local()
        else:
            assert again.preamble == preamble, f"{preamble} in {other}"


def _ask_reception(format: str, stream: bytes, whole: Result) -> None:
    reception = Reception(TRUST[format], PEER, 0.0)
    at = 0
    while reception.wanted and at < len(stream):
        piece = stream[at : at + reception.wanted]
        at += len(piece)
        reception.feed(piece, 0.0)
    outcome = reception.outcome or reception.close(0.0)
    if isinstance(outcome, Accepted):
        assert outcome.preamble == whole.preamble
        assert at == whole.length
    elif whole.reason is None:
        # Well formed and not believed: a proof nobody checks here, a datagram.
        assert outcome.reason.value in {"proof", "transport"}, outcome
    else:
        # A proof is judged before the addresses behind it.
        assert outcome.reason.value in {whole.reason, "proof"}, outcome
    assert outcome is reception.expire(1e9)


def _ask_hello(stream: bytes) -> None:
    starts_client_hello(stream)
    for ask in (hello_length, ClientHello.parse):
        try:
            ask(stream)
        except DecodeError as error:
            assert 0 <= error.offset <= len(stream)  # noqa: PT017
