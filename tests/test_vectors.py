"""Every vector, in every split: spec.md as data against the code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import jsonschema
import pytest

from sslmagic.decoder import Decoder, Framer, decode
from sslmagic.errors import DecodeError, ProofError, UntrustedError
from sslmagic.preamble import Command, Endpoint, Preamble
from sslmagic.proof import Bind, Hop, seal, verify
from sslmagic.proof.message import hmac_tag, signed_message
from sslmagic.wire import LIMITS, PARSERS, Frame, encode, magic
from sslmagic_cli.description import described
from tests.sources import PROJECT
from tests.vectors.generate import files
from tests.vectors.second import reader as second
from tests.vectors.second.octets import Refused
from tests.vectors.tabulate import BEGIN, END, NAMES, tables
from tests.vectors.vector import HERE, Vector, raw, vectors

ALL = vectors()
VALID = [vector for vector in ALL if vector.valid]
SIGNED = [test for test in raw("proof") if test["profile"] == 1]
SAID = re.compile(r"\*\*([AEHLMPT][1-9][0-9]?)\*\*")

every = pytest.mark.parametrize("vector", ALL, ids=str)
every_refused = pytest.mark.parametrize(
    "vector", [vector for vector in ALL if not vector.valid], ids=str
)
every_valid = pytest.mark.parametrize("vector", VALID, ids=str)
every_signed = pytest.mark.parametrize("test", SIGNED, ids=lambda test: test["id"])
every_sealed = pytest.mark.parametrize(
    "test",
    [test for test in SIGNED if test["result"] == "valid"],
    ids=lambda test: test["id"],
)


class Outcome(NamedTuple):
    """What a decoder makes of a stream that ends."""

    result: str
    offset: int | None = None
    preamble: Preamble | None = None
    frame: Frame | None = None
    rest: bytes = b""


def outcome(vector: Vector, pieces: Iterable[bytes]) -> Outcome:
    decoder = Decoder(vector.format, limit=vector.limit)
    try:
        for piece in pieces:
            decoder.feed(piece)
        preamble = decoder.close()
    except DecodeError as error:
        return Outcome(error.reason.value, error.offset)
    return Outcome("valid", None, preamble, decoder.frame, decoder.rest)


@every
def test_the_whole_stream(vector: Vector) -> None:
    found = outcome(vector, [vector.octets])
    assert (found.result, found.offset) == (vector.result, vector.offset)
    if vector.valid:
        assert found.preamble is not None
        assert found.frame is not None
        assert found.frame.octets == vector.wire
        assert found.rest == vector.rest
        said = described(found.preamble, found.frame, len(found.rest))
        assert json.loads(json.dumps(said)) == vector.decoded


@every
def test_decoding_in_one_call(vector: Vector) -> None:
    long_way = outcome(vector, [vector.octets])
    try:
        preamble, rest = decode(vector.octets, vector.format, limit=vector.limit)
    except DecodeError as error:
        found = Outcome(error.reason.value, error.offset)
    else:
        found = long_way._replace(preamble=preamble, rest=rest)
    assert found == long_way


@every_refused
def test_refused_at_the_first_wrong_octet(vector: Vector) -> None:
    """No octet more is waited for than it takes to tell."""
    octets = vector.octets
    for end in range(len(octets) + 1):
        try:
            second.decode(octets[:end], vector.format, vector.limit)
        except Refused as refusal:
            if refusal.reason != "truncated":
                break
    else:
        end = len(octets) + 1
    decoder = Decoder(vector.format, limit=vector.limit)
    decoder.feed(octets[: end - 1])
    if end <= len(octets):
        with pytest.raises(DecodeError):
            decoder.feed(octets[end - 1 : end])


@every
def test_octet_by_octet(vector: Vector) -> None:
    octets = vector.octets
    pieces = (octets[at : at + 1] for at in range(len(octets)))
    assert outcome(vector, pieces) == outcome(vector, [octets])


@every
def test_every_cut(vector: Vector) -> None:
    octets = vector.octets
    whole = outcome(vector, [octets])
    for cut in range(1, len(octets)):
        assert outcome(vector, [octets[:cut], octets[cut:]]) == whole, cut


@every
def test_reading_what_is_wanted(vector: Vector) -> None:
    decoder = Decoder(vector.format, limit=vector.limit)
    taken = 0
    found = Outcome("valid")
    try:
        while decoder.wanted:
            piece = vector.octets[taken : taken + decoder.wanted]
            taken += len(piece)
            preamble = decoder.feed(piece) if piece else decoder.close()
            found = Outcome("valid", None, preamble)
    except DecodeError as error:
        found = Outcome(error.reason.value, error.offset)
    assert (found.result, found.offset) == (vector.result, vector.offset)
    assert decoder.wanted == 0
    if vector.valid:
        assert found.preamble == outcome(vector, [vector.octets]).preamble
        assert taken == len(vector.wire), "nothing behind the preamble was read"


@every_valid
def test_every_prefix_is_incomplete(vector: Vector) -> None:
    for end in range(len(vector.wire)):
        assert outcome(vector, [vector.wire[:end]]) == Outcome("truncated", end)


@every_valid
def test_what_follows_changes_nothing(vector: Vector) -> None:
    alone = outcome(vector, [vector.wire])
    for rest in (
        b"\0",
        b"\xff" * 64,
        vector.wire,
        b"\r\n",
        b"\x16\x03\x01\x02\x00\x01",
    ):
        assert outcome(vector, [vector.wire + rest]) == alone._replace(rest=rest)


@every_valid
def test_encoding_it_again(vector: Vector) -> None:
    found = outcome(vector, [vector.wire])
    assert found.preamble is not None
    assert found.frame is not None
    if found.frame.proof is not None:
        with pytest.raises(ProofError):
            verify_with_any_key(found.frame)
        return
    limit = LIMITS[vector.format] if vector.limit is None else vector.limit
    octets = encode(found.preamble, vector.format, limit=limit)
    if says_it_in_one_way(vector, found.preamble):
        assert octets == vector.wire
    again = Decoder(vector.format, limit=limit)
    assert again.feed(octets) == found.preamble


def says_it_in_one_way(vector: Vector, preamble: Preamble) -> bool:
    """Whether no other octets say the same: of MAGIC always."""
    if vector.format == "proxy2":
        as_sent = vector.wire[13] == preamble.transport
        return as_sent and preamble.command is Command.PROXY
    return vector.format == "magic"


def verify_with_any_key(frame: Frame) -> None:
    assert frame.proof is not None
    verify(
        frame,
        bytes(magic.MOST_BOUND),
        key=bytes(32),
        key_id=frame.proof.key_id,
        audience="web.example",
        now=frame.proof.created,
        bind=Bind(frame.proof.bind),
    )


def hop(test: dict[str, Any]) -> Hop | None:
    if test["gateway"] is None:
        return None
    return Hop(Endpoint.parse(test["gateway"]), Endpoint.parse(test["node"]))


def verified(test: dict[str, Any], wire: bytes, rest: bytes) -> str:
    """What a receiver says that demands what the vector says."""
    framer = Framer()
    try:
        frame = framer.feed(wire + rest)
        assert frame is not None
        verify(
            frame,
            framer.rest,
            key=bytes.fromhex(test["key"]),
            key_id=test["key_id"],
            audience=test["audience"],
            now=test["now"],
            bind=Bind(test["bind"]),
            hop=hop(test),
        )
        PARSERS["magic"](frame)
    except (DecodeError, UntrustedError) as error:
        return error.reason.value
    return "valid"


@every_signed
def test_verifying(test: dict[str, Any]) -> None:
    wire, rest = bytes.fromhex(test["wire"]), bytes.fromhex(test["rest"])
    assert verified(test, wire, rest) == test["result"]


@every_sealed
def test_sealing(test: dict[str, Any]) -> None:
    wire, rest = bytes.fromhex(test["wire"]), bytes.fromhex(test["rest"])
    decoder = Decoder()
    preamble = decoder.feed(wire)
    assert preamble is not None
    assert decoder.frame is not None
    said = described(preamble, decoder.frame, len(rest))
    assert json.loads(json.dumps(said)) == test["decoded"]
    block = test["decoded"]["proof"]
    bound, audience = rest[: block["bound"]], test["audience"]
    path = hop(test)
    assert (b"" if path is None else path.packed()).hex() == test["hop"]
    message = signed_message(wire[:-16], audience=audience, hop=path, bound=bound)
    assert message.hex() == test["message"]
    key = bytes.fromhex(test["key"])
    assert hmac_tag(key, message).hex() == test["tag"]
    octets = seal(
        preamble,
        key=key,
        key_id=test["key_id"],
        audience=audience,
        created=block["created"],
        nonce=bytes.fromhex(block["nonce"]),
        bind=Bind(block["bind"]),
        bound=bound,
        hop=path,
    )
    assert octets == wire


@pytest.mark.parametrize("name", ["proof", "e5"])
def test_reading_without_a_key(name: str) -> None:
    for test in raw(name):
        if "decoded" not in test:
            continue
        decoder = Decoder(test["format"])
        preamble = decoder.feed(bytes.fromhex(test["wire"] + test["rest"]))
        assert preamble is not None
        assert decoder.frame is not None
        assert decoder.rest.hex() == test["rest"]
        said = described(preamble, decoder.frame, len(decoder.rest))
        assert json.loads(json.dumps(said)) == test["decoded"], test["id"]


def test_a_key_of_profile_1_verifies_no_other_profile() -> None:
    test = next(test for test in raw("proof") if test["id"] == "ed25519")
    wire, rest = bytes.fromhex(test["wire"]), bytes.fromhex(test["rest"])
    assert test["profile"] == 2
    assert verified(test, wire, rest) == "proof"


def test_no_flipped_bit_is_verified() -> None:
    test = next(test for test in SIGNED if test["id"] == "bind-2")
    wire, rest = bytes.fromhex(test["wire"]), bytes.fromhex(test["rest"])
    flips = 0
    for at in range(len(wire)):
        for bit in range(8):
            octets = bytearray(wire)
            octets[at] ^= 1 << bit
            framer = Framer()
            try:
                # The length may claim more: then a receiver waits, to its deadline.
                if framer.feed(bytes(octets) + rest) is None:
                    continue
            except DecodeError:
                continue
            flips += 1
            assert verified(test, bytes(octets), rest) != "valid"
    assert flips > 500


def test_there_are_vectors_for_every_clause() -> None:
    spec = (PROJECT / "spec.md").read_text("utf-8")
    clauses = SAID.findall(spec)
    assert len(clauses) == len(set(clauses)), "a clause is said once"
    pinned = {test["rule"] for name in NAMES for test in raw(name)}
    # P10 is the recorder: what it saw before is no property of octets.
    assert pinned == set(clauses) - {"P10"}


def test_the_tables_of_the_specification() -> None:
    spec = (PROJECT / "spec.md").read_text("utf-8")
    assert spec.partition(BEGIN)[2].partition(END)[0] == tables()


@pytest.mark.parametrize("name", NAMES)
def test_the_files(name: str) -> None:
    said = json.loads((HERE / f"{name}.json").read_text("utf-8"))
    jsonschema.validate(said, json.loads((HERE / "schema.json").read_text("utf-8")))
    assert said["limits"] == LIMITS
    ids = [test["id"] for test in said["tests"]]
    assert len(ids) == len(set(ids))


def test_the_second_reader_says_the_same() -> None:
    for name, text in files().items():
        assert (HERE / name).read_text("utf-8") == text, name


def test_the_document_for_other_languages() -> None:
    text = (PROJECT / "docs" / "vectors.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    shown: dict[str, Any] = {}
    exec(compile(code, "vectors.md", "exec"), shown)

    def decode(
        format: str, pieces: Iterable[bytes], limit: int
    ) -> tuple[str, int | None, bytes]:
        of = Vector(
            id="", rule="", comment="", format=format, wire=b"", result="", limit=limit
        )
        found = outcome(of, pieces)
        return found.result, found.offset, found.rest

    shown["check"](decode, HERE / "proxy1.json")
    names = ("magic", "proxy1", "proxy2", "tlv", "proof", "e5")
    assert f"hold {sum(len(raw(name)) for name in names)} streams" in text
