"""decode.py: an answer as soon as the preamble is whole, and not one octet more."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, encode
from sslmagic_cli.__main__ import magic
from sslmagic_cli.exits import Exit
from tests.vectors.vector import Vector, vectors

Run = Callable[..., Any]

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
PREAMBLE = Preamble(source=CLIENT, destination=HERE)
REST = bytes(range(256)) * 300


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("asked", ["auto", "same"])
def test_json_of_a_file(run: Run, tmp_path: Path, format: str, asked: str) -> None:
    path = tmp_path / "octets"
    octets = encode(PREAMBLE, format)
    path.write_bytes(octets + REST)
    ended = run(
        "decode", str(path), "--json", "--format", asked.replace("same", format)
    )
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    assert json.loads(ended.out) == {
        "format": format,
        "command": "PROXY",
        "transport": "TCP4",
        "source": {"host": "203.0.113.9", "port": 51234},
        "destination": {"host": "198.51.100.2", "port": 443},
        "tlvs": [],
        "length": len(octets),
        "rest_length": len(REST),
        "proof": None,
    }


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_every_vector(run: Run, vector: Vector) -> None:
    limit = [] if vector.limit is None else ["--limit", str(vector.limit)]
    ended = run(
        "decode",
        "--json",
        "--format",
        vector.format,
        *limit,
        "--hex",
        vector.octets.hex(),
    )
    if vector.valid:
        assert (ended.code, ended.err) == (Exit.DONE, b"")
        assert json.loads(ended.out) == vector.decoded
    else:
        assert (ended.code, ended.out) == (Exit.DATA, b"")
        assert ended.complaint.endswith(f"(at byte {vector.offset})")


def test_what_encode_writes_decode_reads(process: Run) -> None:
    ends = ["--source", "[2001:db8::1]:1", "--destination", "[2001:db8::2]:2"]
    octets = process("encode", *ends, "--tlv", "AUTHORITY=shop.example").out
    found = json.loads(process("decode", "--json", octets=octets).out)
    assert found["source"] == {"host": "2001:db8::1", "port": 1}
    assert found["tlvs"][0]["value"] == "shop.example"
    assert found["rest_length"] is None


@pytest.mark.parametrize("name", [[], ["-"]])
def test_standard_input_that_is_a_file(tmp_path: Path, name: list[str]) -> None:
    path = tmp_path / "octets"
    path.write_bytes(encode(PREAMBLE) + b"rest")
    with path.open("rb") as stream:
        done = subprocess.run(
            [sys.executable, "-m", "sslmagic_cli", "decode", "--json", *name],
            stdin=stream,
            capture_output=True,
            check=True,
            timeout=30,
        )
        # Whoever has the same descriptor goes on where the preamble ended.
        assert os.read(stream.fileno(), 100) == b"rest"
    assert json.loads(done.stdout)["rest_length"] == 4


@pytest.fixture
def waiting() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a command whose standard input stays open until the test ends."""
    children: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(
            [sys.executable, "-m", "sslmagic_cli", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        children.append(child)
        return child

    yield start
    for child in children:
        with child:
            child.kill()


def write(stream: IO[bytes] | None, octets: bytes) -> None:
    assert stream
    stream.write(octets)


@pytest.mark.parametrize("format", FORMATS)
def test_it_answers_while_the_pipe_stays_open(
    waiting: Callable[..., subprocess.Popen[bytes]], format: str
) -> None:
    child = waiting("decode", "--json")
    for octet in encode(PREAMBLE, format):
        write(child.stdin, bytes([octet]))
    assert child.wait(timeout=30) == Exit.DONE
    assert child.stdout
    found = json.loads(child.stdout.read())
    assert (found["format"], found["rest_length"]) == (format, None)


def test_a_fault_is_told_while_the_pipe_stays_open(
    waiting: Callable[..., subprocess.Popen[bytes]],
) -> None:
    child = waiting("decode")
    write(child.stdin, b"GET / HTTP/1.1\r\n")
    assert child.wait(timeout=30) == Exit.DATA
    assert child.stderr
    assert child.stderr.read() == (
        b"magic: octet 0x47 does not start magic or proxy1 or proxy2:"
        b" HTTP begins where a preamble was due (at byte 0)\n"
    )


def test_not_one_octet_more_is_read() -> None:
    """The next reader of the same pipe finds what follows."""
    ours, theirs = os.pipe()
    os.write(theirs, encode(PREAMBLE, "proxy1") + b"rest")
    os.close(theirs)
    with open(ours, "rb", buffering=0) as stream:  # noqa: PTH123 - a descriptor
        done = subprocess.run(
            [sys.executable, "-m", "sslmagic_cli", "decode", "--json"],
            stdin=stream,
            capture_output=True,
            check=True,
            timeout=30,
        )
        assert stream.read() == b"rest"
    assert json.loads(done.stdout)["format"] == "proxy1"


def test_the_rest_of_a_file(run: Run, tmp_path: Path) -> None:
    path, rest = tmp_path / "octets", tmp_path / "rest"
    path.write_bytes(encode(PREAMBLE) + REST)
    ended = run("decode", str(path), "--json", "--rest", str(rest))
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    assert json.loads(ended.out)["rest_length"] == len(REST)
    assert rest.read_bytes() == REST


def test_the_rest_on_standard_output(process: Run) -> None:
    ended = process("decode", "--json", "--rest", "-", octets=encode(PREAMBLE) + REST)
    assert (ended.code, ended.out) == (Exit.DONE, REST)
    assert json.loads(ended.err)["length"] == 24


def test_the_rest_streams(waiting: Callable[..., subprocess.Popen[bytes]]) -> None:
    """The answer is there before any rest is, and each piece before the next one."""
    child = waiting("decode", "--json", "--rest", "-")
    write(child.stdin, encode(PREAMBLE))
    assert child.stderr
    assert child.stdout
    assert json.loads(child.stderr.readline())["rest_length"] is None
    for piece in (b"one", b"two"):
        write(child.stdin, piece)
        assert child.stdout.read(3) == piece
    assert child.stdin
    child.stdin.close()
    assert child.stdout.read() == b""
    assert child.wait(timeout=30) == Exit.DONE


def test_a_reader_of_the_rest_that_goes_away(
    waiting: Callable[..., subprocess.Popen[bytes]],
) -> None:
    child = waiting("decode", "--json", "--rest", "-")
    write(child.stdin, encode(PREAMBLE))
    assert child.stderr
    assert child.stdout
    child.stderr.readline()
    child.stdout.close()
    write(child.stdin, b"nobody reads this")
    assert child.wait(timeout=30) == Exit.PIPE_CLOSED
    assert child.stderr.read() == b""


def test_a_file_for_the_rest_is_kept_when_there_is_no_preamble(
    run: Run, tmp_path: Path
) -> None:
    rest = tmp_path / "rest"
    rest.write_bytes(b"precious")
    assert run("decode", "--hex", "47", "--rest", str(rest)).code == Exit.DATA
    assert rest.read_bytes() == b"precious"


def test_nothing_is_answered_when_the_rest_has_no_place(run: Run) -> None:
    ended = run("decode", "--hex", encode(PREAMBLE).hex(), "--rest", "/missing/rest")
    assert (ended.code, ended.out) == (Exit.CANNOT_CREATE, b"")
    assert ended.complaint == "magic: /missing/rest: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing"], Exit.NO_INPUT, "missing: No such file or directory"),
        (["."], Exit.NO_INPUT, ".: Is a directory"),
        (["--hex", "0g"], Exit.DATA, "'g' is no hex digit (at byte 0)"),
        (["--hex", ""], Exit.DATA, "the stream ended before a preamble (at byte 0)"),
        (
            ["--hex", "cd0303"],
            Exit.DATA,
            "the stream ended inside the preamble (at byte 3)",
        ),
        (
            ["--hex", "cd0303", "--format", "proxy2"],
            Exit.DATA,
            "octet 0xCD does not start proxy2 (at byte 0)",
        ),
        (
            ["--hex", encode(PREAMBLE).hex(), "--limit", "23"],
            Exit.DATA,
            "a preamble of 24 octets, where 23 is the limit (at byte 3)",
        ),
        (
            ["x", "--hex", "00"],
            Exit.USAGE,
            "FILE and --hex are two inputs: give one (see magic decode --help)",
        ),
    ],
)
def test_what_cannot_be_decoded(
    run: Run, arguments: list[str], code: Exit, said: str
) -> None:
    ended = run("decode", *arguments)
    assert (ended.code, ended.out) == (code, b"")
    assert ended.complaint == f"magic: {said}"


def test_a_table_in_a_file_has_no_colours(run: Run) -> None:
    ended = run("decode", "--hex", (encode(PREAMBLE) + b"rest").hex())
    assert ended.code == Exit.DONE
    lines = ended.out.decode().splitlines()
    assert lines[0].startswith("magic  PROXY TCP4  203.0.113.9:51234 -> ")
    assert lines[-1] == "4 octets follow."
    assert "\x1b" not in ended.out.decode()


def test_a_proof_is_said_to_be_unverified(run: Run) -> None:
    from tests.vectors.vector import raw

    wire = next(test["wire"] for test in raw("proof") if test["result"] == "valid")
    ended = run("decode", "--hex", wire)
    last = ended.out.decode().splitlines()[-1]
    assert last == "The proof is not verified: no key is known here."


@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_on_a_terminal(terminal: Run, columns: int) -> None:
    ended = terminal("decode", octets=encode(PREAMBLE, "proxy2"), columns=columns)
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    assert b"\x1b[" in ended.out
    plain = re.sub(rb"\x1b\[[0-9;]*m", b"", ended.out).decode()
    assert max(map(len, plain.splitlines())) <= columns
    wide = "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a" in plain
    assert wide == (columns == 120)


def test_no_colour_if_nobody_wants_it(terminal: Run) -> None:
    ended = terminal("decode", octets=encode(PREAMBLE), NO_COLOR="1")
    assert not re.search(rb"\x1b\[[0-9;]*3[0-9]", ended.out)
    assert b"203.0.113.9" in ended.out


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_a_terminal_that_knows_ascii_only(terminal: Run, locale: str) -> None:
    authority = TLV.parse("AUTHORITY", "caf\u00e9.example")
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[authority])
    ended = terminal(
        "decode",
        octets=encode(preamble, "proxy2"),
        LC_ALL=locale,
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
    )
    assert ended.code == Exit.DONE
    assert ended.out.isascii()
    assert b"caf\\xe9.example" in ended.out


def test_what_the_network_says_does_not_reach_the_terminal(terminal: Run) -> None:
    name = TLV.parse("NETNS", "\x1b]0;owned\x07\x1b[2J\u202e")
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[name])
    octets = encode(preamble, "proxy2")
    ended = terminal("decode", octets=octets, columns=160)
    assert b"\\x1b]0;owned\\x07\\x1b[2J\\u202e" in ended.out
    left = re.sub(rb"\x1b\[[0-9;]*m", b"", ended.out)
    assert b"\x1b" not in left
    assert b"\x07" not in left


def test_json_is_ascii_without_controls(run: Run) -> None:
    name = TLV.parse("NETNS", "\x1b\x7f\u202e\u00e9")
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[name])
    ended = run("decode", "--json", "--hex", encode(preamble, "proxy2").hex())
    (line,) = ended.out.decode("ascii").splitlines()
    assert line.isprintable()
    assert json.loads(line)["tlvs"][0]["value"] == "\x1b\x7f\u202e\u00e9"


def test_a_terminal_sees_where_the_fault_is(terminal: Run) -> None:
    octets = encode(PREAMBLE)[:9] + b"\x31\x11\0"
    ended = terminal("decode", octets=octets, NO_COLOR="1", TERM="dumb")
    assert ended.code == Exit.DATA
    assert ended.complaint == "magic: MAGIC version 3, known is 1 (at byte 9)"
    lines = ended.out.decode().splitlines()
    (at,) = (at for at, line in enumerate(lines) if "^^" in line)
    column = lines[at].index("^^")
    assert lines[at - 1][column : column + 2] == "31"


def test_a_terminal_asked_for_json_sees_the_fault_in_words_only(terminal: Run) -> None:
    ended = terminal("decode", "--json", octets=b"GET /")
    assert (ended.code, ended.out) == (Exit.DATA, b"")
    assert ended.complaint.endswith("(at byte 0)")


def test_nobody_types_octets() -> None:
    """Without FILE on a terminal it says what it needs instead of waiting for ever."""
    ours, theirs = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sslmagic_cli", "decode"],
            stdin=theirs,
            capture_output=True,
            check=False,
            timeout=30,
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stdout) == (Exit.USAGE, b"")
    assert done.stderr.startswith(b"magic: give FILE or --hex, or pipe octets in (")


@given(
    st.sampled_from([b"", b"\xcd\x03\x03", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n"]),
    st.binary(max_size=200),
    st.sampled_from(["auto", *FORMATS]),
)
def test_any_octets_end_with_an_answer_or_an_offset(
    front: bytes, octets: bytes, format: str
) -> None:
    code, out, err = decoded(front + octets, format)
    assert code in (Exit.DONE, Exit.DATA)
    if code == Exit.DONE:
        assert json.loads(out)["length"] <= len(front + octets)
        assert err == ""
    else:
        assert out == ""
        assert re.fullmatch(r"magic: [^\n]+ \(at byte \d+\)\n", err)


@given(st.sampled_from(vectors()), st.data())
def test_a_changed_octet_ends_the_same_way(vector: Vector, data: st.DataObject) -> None:
    octets = bytearray(vector.octets or b"\0")
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    code, _, err = decoded(bytes(octets), "auto")
    assert code in (Exit.DONE, Exit.DATA)
    assert err == "" or re.fullmatch(r"magic: [^\n]+ \(at byte \d+\)\n", err)


def decoded(octets: bytes, format: str) -> tuple[object, str, str]:
    import contextlib
    import io

    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    err = io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        magic.run(["decode", "--json", "--format", format, "--hex", octets.hex()])
    assert isinstance(out.buffer, io.BytesIO)
    return ended.value.code, out.buffer.getvalue().decode(), err.getvalue()
