"""A layout's name wherever a format is named: encode, decode, node and gateway."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sslmagic.decoder import decode
from sslmagic.layout import Layout
from sslmagic.wire import encode
from sslmagic.wire.computed import Checksum
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import Learnt
from sslmagic.wire.parts import Literal, Unknown
from sslmagic_cli.exits import Exit
from tests.sslmagic.relay.harness import HELLO, Backend, client, rest
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS, SPP, layout
from tests.sslmagic_cli.conftest import Ended
from tests.sslmagic_cli.relays import relay

Run = Callable[..., Ended]
ENDS = ("--source", "203.0.113.9:51234", "--destination", "198.51.100.2:443")
SOURCE, PORT = Address(of="source"), Port(of="source", width=2)


@pytest.fixture
def spp(tmp_path: Path) -> tuple[str, ...]:
    return "--layout", written(tmp_path, SPP)


def written(directory: Path, learnt: Learnt) -> str:
    file = directory / f"{learnt}.toml"
    file.write_text(Layout(str(learnt), learnt.variants).text())
    return str(file)


def test_encode_and_decode(run: Run, spp: tuple[str, ...]) -> None:
    octets = encode(FOUR, SPP)
    # The option that names the format may stand in front of the file's.
    assert run("encode", *ENDS, "--format", "spp", *spp) == (Exit.DONE, octets, b"")
    ended = run("decode", *spp, "--hex", octets.hex() + "1603", "--json")
    said = json.loads(ended.out)
    assert (said["format"], said["source"]["host"]) == ("spp", "203.0.113.9")
    assert said["rest_length"] == 2
    table = run("decode", *spp, "--format", "spp", "--hex", octets.hex()).out
    assert b"spp  PROXY TCP4  203.0.113.9:51234 -> 198.51.100.2:443" in table
    assert b"source port" in table


def test_what_breaks_a_layout_is_pointed_at(
    terminal: Run, spp: tuple[str, ...]
) -> None:
    for format in ("spp", "auto"):
        ended = terminal("decode", *spp, "--format", format, "--hex", "56 00")
        assert ended.code == Exit.DATA
        assert b"^^" in ended.out
    with_text = terminal("decode", *spp, "--hex", "50 00")
    assert b"PROXY v1" in with_text.out


def test_a_table_of_what_is_encoded(terminal: Run, spp: tuple[str, ...]) -> None:
    assert b"203.0.113.9" in terminal("encode", *ENDS, "--format", "spp", *spp).out


def test_what_cannot_be_known_is_said(run: Run, tmp_path: Path) -> None:
    varied = layout("varied", (Literal(b"V"), Unknown(width=2), SOURCE, PORT))
    file = written(tmp_path, varied)
    ended = run("encode", *ENDS, "--layout", file, "--format", "varied")
    assert ended.out == b"V\0\0\xcb\0\x71\x09\xc8\x22"
    assert ended.err.decode().splitlines() == [
        "magic: layout varied: 2 octets whose meaning is unknown are written as zeros",
        "magic: layout varied: it does not say where the client connected",
    ]
    summed = layout("summed", (Literal(b"V"), SOURCE, PORT, Checksum()))
    file = written(tmp_path, summed)
    for words in (
        ("encode", *ENDS, "--format", "summed"),
        ("gateway", "--listen", ":0", "--node", "127.0.0.1:1", "--enhance", "summed"),
        (
            *("node", "--listen", ":0", "--to", "127.0.0.1:1", "--trust", "127.0.0.1"),
            *("--as", "summed"),
        ),
    ):
        ended = run(*words, "--layout", file)
        assert ended.code == Exit.CONFIGURATION
        assert ended.complaint.startswith("magic: layout summed cannot be written: ")


def test_files_that_are_no_layout(
    run: Run, tmp_path: Path, spp: tuple[str, ...]
) -> None:
    missing = run("decode", "--layout", str(tmp_path / "none.toml"), "--hex", "00")
    assert missing.code == Exit.NO_INPUT
    assert missing.complaint.endswith("none.toml: No such file or directory")
    broken = tmp_path / "broken.toml"
    broken.write_text('learnt = true\nformat = "x"\n')
    ended = run("decode", "--layout", str(broken), "--hex", "00")
    assert ended.code == Exit.CONFIGURATION
    assert "broken.toml: variant: one or more" in ended.complaint
    twice = run("decode", *spp, *spp, "--hex", "00")
    assert twice.code == Exit.USAGE
    assert "is a second layout spp" in twice.complaint
    other = run("decode", *spp, "--format", "ssp", "--hex", "00")
    assert other.code == Exit.USAGE
    assert "'ssp' is not one of 'auto', 'magic'" in other.complaint


def test_a_first_octet_that_chooses_nothing(run: Run, tmp_path: Path) -> None:
    text = written(tmp_path, LAYOUTS[1])
    words = ("node", "--listen", ":0", "--to", "127.0.0.1:1", "--trust", "127.0.0.1")
    ended = run(*words, "--accept", "proxy1", "--accept", "text", "--layout", text)
    assert ended.code == Exit.CONFIGURATION
    assert "text and proxy1 both start with octet 0x50" in ended.complaint


def test_a_gateway_and_a_node_that_speak_it(spp: tuple[str, ...]) -> None:
    listen = ("--listen", "127.0.0.1:0", "--workers", "1")
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "127.0.0.1", "--as", "proxy2")
        accept = ("--accept", "magic", "--accept", "spp", *spp)
        with relay("node", *listen, *to, *accept) as node:
            speak = ("--node", "%s:%d" % node.name, "--enhance", "spp", *spp)
            with (
                relay("gateway", *listen, *speak) as gateway,
                client(gateway.name, HELLO) as peer,
                backend.accept() as server,
            ):
                peer.shutdown(socket.SHUT_WR)
                preamble, behind = decode(rest(server), "proxy2")
                assert preamble.source == peer.getsockname()
                assert behind == HELLO


def bare(directory: Path) -> tuple[str, ...]:
    """The options of a layout that says nothing of a destination."""
    return "--layout", written(directory, layout("bare", (Literal(b"A"), SOURCE, PORT)))


def test_no_destination_is_said_to_be_none(run: Run, tmp_path: Path) -> None:
    option = bare(tmp_path)
    ended = run("encode", *option, "--format", "bare", *ENDS[:2], "--output", "hex")
    assert ended.out == b"41cb007109c822\n"
    assert "does not say where the client connected" in ended.complaint
    words = ("decode", *option, "--hex", "41cb007109c822")
    table = run(*words).out
    assert b"bare  PROXY TCP4  203.0.113.9:51234 -> not said  7 octets" in table
    assert b"0.0.0.0" not in table
    assert json.loads(run(*words, "--json").out)["destination"] is None
    # No other format goes without.
    assert run("encode", "--format", "magic", *option, *ENDS[:2]).code == Exit.USAGE


def test_a_node_says_no_destination_that_nobody_said(run: Run, tmp_path: Path) -> None:
    option = bare(tmp_path)
    words = ("node", "--listen", ":0", "--to", "127.0.0.1:1", "--trust", "127.0.0.1")
    accept = ("--accept", "magic", "--accept", "bare", *option)
    for speak in ("proxy2", "magic"):
        ended = run(*words, *accept, "--as", speak)
        assert ended.code == Exit.CONFIGURATION
        assert f"and {speak} must: give --destination" in ended.complaint
    unix = run(*words, *accept, "--as", "proxy2", "--destination", "unix:/a")
    assert unix.code == Exit.USAGE


def test_a_node_says_the_destination_that_is_given(tmp_path: Path) -> None:
    option = bare(tmp_path)
    listen = ("--listen", "127.0.0.1:0", "--workers", "1", "--trust", "127.0.0.1")
    given = ("--as", "proxy2", "--destination", "198.51.100.2:443")
    with Backend() as backend:
        to = ("--to", str(backend.address), "--accept", "bare", *option)
        with (
            relay("node", *listen, *to, *given) as node,
            client(node.name, bytes.fromhex("41cb007109c822") + HELLO) as peer,
            backend.accept() as server,
        ):
            peer.shutdown(socket.SHUT_WR)
            assert decode(rest(server), "proxy2") == (FOUR, HELLO)
