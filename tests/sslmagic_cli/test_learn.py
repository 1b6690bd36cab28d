"""`magic learn`: from a capture to a layout that a node takes off live connections."""

from __future__ import annotations

import json
import random
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sslmagic.decoder import decode
from sslmagic.layout import Layout
from sslmagic.preamble import Endpoint
from sslmagic_cli.exits import Exit
from tests.sslmagic.capture.learning.invented import FIXED, Invented, Traffic
from tests.sslmagic.capture.learning.recorded import Connection, client_hello, record
from tests.sslmagic.relay.harness import HELLO, Backend, client, rest
from tests.sslmagic_cli.conftest import Ended
from tests.sslmagic_cli.relays import relay

Run = Callable[..., Ended]
NODE = Endpoint("10.0.1.7", 8443)


@pytest.fixture
def captures(tmp_path: Path) -> Callable[[Invented], tuple[str, str]]:
    """Captures of both sides of a sender of preambles in a layout."""

    def captures(layout: Invented) -> tuple[str, str]:
        chance = random.Random(1)
        front: list[Connection] = []
        back: list[Connection] = []
        for number, sample in enumerate(Traffic(layout, 5).samples(8)):
            hello, at = client_hello(chance.randbytes(32)), number / 4
            peer = Endpoint("10.0.0.5", 40000 + number)
            assert sample.destination is not None
            front.append(Connection(sample.client, sample.destination, hello, at))
            back.append(Connection(peer, NODE, sample.octets + hello, at + 0.01))
            if number % 4 == 0:
                other = b"GET / HTTP/1.1\r\nHost: health\r\n\r\n"
                probe = Endpoint("10.0.0.9", 40000 + number)
                back.append(Connection(probe, NODE, other, at + 0.02))
        return (
            str(record(tmp_path / "back.pcap", back)),
            str(record(tmp_path / "front.pcap", front)),
        )

    return captures


def test_from_a_capture_to_live_connections(
    run: Run, captures: Callable[[Invented], tuple[str, str]], tmp_path: Path
) -> None:
    odd = FIXED[3]
    back, front = captures(odd)
    file = str(tmp_path / "odd.toml")
    ended = run("learn", back, "--front", front, "--name", "odd", "--output", file)
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    words = " ".join(ended.out.decode().split())
    assert "odd IPv4 8 connections" in words
    assert "sum8 of all octets before" in words
    assert "4 octets unknown" in words
    assert "8 connections agree, 2 are of clients that are not known." in words
    assert "- no IPv6 client: how one is written is not known" in words
    with Backend() as backend:
        to = ("--to", str(backend.address), "--trust", "127.0.0.1", "--as", "proxy2")
        # It says nothing of where its clients connected.
        given = ("--destination", "198.51.100.2:443")
        accept = ("--accept", "odd", "--layout", file, *given)
        listen = ("--listen", "127.0.0.1:0", "--workers", "1")
        with relay("node", *listen, *to, *accept) as node:
            for _ in range(3):
                fresh = Traffic(odd, 77).fresh(4)
                octets = fresh.octets + HELLO
                with client(node.name, octets) as peer, backend.accept() as server:
                    peer.shutdown(socket.SHUT_WR)
                    preamble, behind = decode(rest(server), "proxy2")
                    assert (preamble.source, behind) == (fresh.client, HELLO)
                    assert preamble.destination == Endpoint("198.51.100.2", 443)


def test_clients_by_name_and_as_json(
    run: Run, captures: Callable[[Invented], tuple[str, str]]
) -> None:
    layout = FIXED[1]
    back, _ = captures(layout)
    clients = [
        word
        for sample in Traffic(layout, 5).samples(8)
        for word in ("--client", str(sample.client))
    ]
    words = ("--destination", "198.51.100.2:443", "--json", *clients)
    ended = run("learn", back, "--name", "hexed", *words)
    said = json.loads(ended.out)
    assert (said["format"], said["agreeing"], said["contradicting"]) == (
        "hexed",
        16,
        [],
    )
    assert [one["family"] for one in said["variants"]] == ["IPv4", "IPv6"]
    source = said["variants"][0]["parts"][1]
    assert (source["name"], source["spelling"]) == (
        "source",
        "4 octets in hex, upper case",
    )
    assert (source["distinct"], source["sure"]) == (8, 1.0)


def test_the_layout_on_standard_output(
    run: Run, captures: Callable[[Invented], tuple[str, str]]
) -> None:
    back, front = captures(FIXED[0])
    ended = run("learn", back, "--front", front, "--output", "-")
    assert Layout.read(ended.out.decode()) == "learnt"
    assert b"learnt  IPv4  8 connections" in ended.err


def test_what_cannot_be_learnt(
    run: Run, captures: Callable[[Invented], tuple[str, str]], tmp_path: Path
) -> None:
    back, front = captures(FIXED[0])
    for words, code, said in (
        (("learn", back), Exit.USAGE, "give --front, or --client"),
        (
            ("learn", back, "--client", "192.0.2.1"),
            Exit.DATA,
            "no connection of a client that is known: 10 of others",
        ),
        (("learn", back, "--client", "x"), Exit.USAGE, "'x' is no literal IP address"),
        (
            ("learn", back, "--front", front, "--destination", "unix:/a"),
            Exit.USAGE,
            "--destination is an IP address and port",
        ),
        (
            ("learn", str(tmp_path / "none"), "--front", front),
            Exit.NO_INPUT,
            "No such file",
        ),
        (
            # Nothing is read for it: there is no such capture.
            ("learn", str(tmp_path / "none"), "--front", front, "--name", "X"),
            Exit.USAGE,
            "invalid value for '--name': 'X': a name is a letter",
        ),
        (
            ("learn", back, "--front", front, "--output", back, "--force"),
            Exit.USAGE,
            "--output is a capture itself",
        ),
    ):
        ended = run(*words)
        assert ended.code == code
        assert said in ended.complaint
    ended = run("learn", back, "--front", front, "--output", str(tmp_path / "a" / "b"))
    assert ended.code == Exit.CANNOT_CREATE


def test_a_layout_that_is_there_is_only_written_over_by_force(
    run: Run, captures: Callable[[Invented], tuple[str, str]], tmp_path: Path
) -> None:
    back, front = captures(FIXED[0])
    file = tmp_path / "mended.toml"
    file.write_text("mended by hand")
    # It is said before anything is read: there is no such capture.
    ended = run(
        "learn", str(tmp_path / "none"), "--front", front, "--output", str(file)
    )
    assert (ended.code, file.read_text()) == (Exit.CANNOT_CREATE, "mended by hand")
    assert f"{file}: it is there already (--force writes over it)" in ended.complaint
    # Nor does it go for a lesson that fails.
    words = ("--output", str(file), "--force")
    ended = run("learn", back, "--client", "192.0.2.1", *words)
    assert (ended.code, file.read_text()) == (Exit.DATA, "mended by hand")
    ended = run("learn", back, "--front", front, *words)
    assert (ended.code, Layout.load(file)) == (Exit.DONE, "learnt")


def test_what_teaches_nothing_leaves_no_file(
    run: Run, captures: Callable[[Invented], tuple[str, str]], tmp_path: Path
) -> None:
    back, _ = captures(FIXED[0])
    file = tmp_path / "new.toml"
    ended = run("learn", back, "--client", "192.0.2.1", "--output", str(file))
    assert ended.code == Exit.DATA
    assert not file.exists()


def test_a_capture_that_is_cut_teaches_what_stands_before(
    run: Run, captures: Callable[[Invented], tuple[str, str]]
) -> None:
    back, front = captures(FIXED[0])
    whole = Path(back).read_bytes()
    Path(back).write_bytes(whole[: len(whole) * 3 // 4 + 5])
    ended = run("learn", back, "--front", front)
    assert ended.code == Exit.DONE
    assert b"back.pcap" in ended.err
    assert b"connections agree" in ended.out
