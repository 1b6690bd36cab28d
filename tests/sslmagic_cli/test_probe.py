"""probe.py: the words of its command line, and how it ends."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sslmagic.hello import ClientHello
from sslmagic.preamble import Endpoint
from sslmagic_cli.exits import Exit
from tests.sslmagic.probe.scripted import Server, listening

Run = Callable[..., Any]

QUICK = ("--answer", "0.25", "--patience", "0.05", "--pause", "0", "--late", "0")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server in clear that takes PROXY v2 and believes it."""
    with listening(Server(formats=("proxy2",))) as address:
        yield str(address)


def requests(*arguments: str, run: Run) -> list[bytes]:
    """What a listener in clear is sent with these arguments, first octets."""
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))

    with listening(script) as address:
        ended = run("probe", str(address), "--connections", "2", *QUICK, *arguments)
    assert ended.code == Exit.DONE
    return seen


def test_what_a_listener_does(run: Run, server: str) -> None:
    ended = run("probe", server, "--format", "proxy2", "-v", *QUICK)
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    said = " ".join(ended.out.decode().split())
    assert "Requires PROXY v2 from you, in front of HTTP in clear." in said
    assert "Believes any address it is told" in said
    assert "octet by octet taken" in said
    # Asked to be verbose, it shows what was sent as well.
    assert "proxy2 nested" in said
    assert "signature" in said
    assert "-> HTTP 200, after 0." in said


def test_json(run: Run, server: str) -> None:
    # As many as it takes to the first preamble that is taken.
    five = ("--connections", "5")
    ended = run("probe", server, "--format", "proxy2", "--json", *QUICK, *five)
    assert ended.code == Exit.DONE
    said = json.loads(ended.out)
    assert said["formats"]["proxy2"]["stance"] == "required"
    assert said["target"]["host"] == "127.0.0.1"


def test_every_format_by_itself(run: Run, server: str) -> None:
    ended = run("probe", server, "--json", "--connections", "11", *QUICK)
    assert set(json.loads(ended.out)["formats"]) == {"magic", "proxy1", "proxy2"}


def test_it_says_beforehand_what_it_will_do(
    run: Run, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only to a person: what goes to a file is what went wrong."""
    import click

    said: list[str] = []

    class Terminal:
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            said.append(text)

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr(click, "echo", lambda text, **_: said.append(text))
    run("probe", server, "--format", "proxy2", "--connections", "3", *QUICK)
    assert said[0] == (
        f"Asks {server} at most 3 questions, one connection at a time, for at most"
        " 120 s: preambles, a ClientHello, GET /."
    )
    assert any("tls" in line for line in said[1:])


def test_the_request(run: Run) -> None:
    arguments = ("--path", "/whoami?a=b", "--server-name", "shop.example")
    _, request = requests(*arguments, "--method", "HEAD", run=run)
    head, *fields = request.decode().split("\r\n")
    assert head == "HEAD /whoami?a=b HTTP/1.1"
    assert fields[0].startswith("Host: shop.example:")
    assert "User-Agent: magic-probe" in fields
    assert request.endswith(b"\r\n\r\n")


def test_a_host_without_a_name_is_asked_by_its_address(run: Run) -> None:
    hello, request = requests(run=run)
    assert b"Host: 127.0.0.1:" in request
    assert b"shop.example" not in hello


def test_the_server_name_is_in_the_hello(run: Run) -> None:
    hello, _ = requests("--server-name", "shop.example", run=run)
    assert b"shop.example" in hello


def test_where_to_ask_from(run: Run, server: str) -> None:
    ended = run(
        *("probe", server, "--from", "127.0.0.66", "--json", "--connections", "1")
    )
    assert json.loads(ended.out)["source"] == "127.0.0.66"


def test_an_address_of_another_machine_is_named(run: Run, server: str) -> None:
    ended = run("probe", server, "--from", "192.0.2.9")
    assert (ended.code, ended.out) == (Exit.UNAVAILABLE, b"")
    said = f"{server}, asked from 192.0.2.9: Cannot assign requested address"
    assert ended.complaint == f"magic: {said}"


def test_a_name_is_asked_by_it(run: Run, server: str) -> None:
    port = Endpoint.parse(server).port
    ended = run("probe", f"localhost:{port}", "--json", "--connections", "1")
    said = json.loads(ended.out)
    assert said["target"]["name"] == "localhost"
    assert said["stopped"] == "1 connections were made"


@pytest.fixture
def both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    """shop.example has an address of each family, of which ::1 is the first."""
    really = socket.getaddrinfo

    def ask(host: str, port: int, family: int = 0, *rest: int) -> list[Any]:
        hosts = ["::1", "127.0.0.1"] if host == "shop.example" else [host]
        found = [one for each in hosts for one in really(each, port, 0, *rest)]
        return [one for one in found if family in (0, one[0])]

    monkeypatch.setattr(socket, "getaddrinfo", ask)


@pytest.mark.usefixtures("both_families")
def test_a_name_is_asked_at_each_address(run: Run, server: str) -> None:
    where = f"shop.example:{Endpoint.parse(server).port}"
    ended = run("probe", where, "--json", "--connections", "1", *QUICK)
    assert ended.code == Exit.DONE
    said = json.loads(ended.out)
    # Nobody listens at ::1, and that is no end of it.
    assert said["target"]["name"] == "shop.example"
    assert said["target"]["host"] == "127.0.0.1"
    (other,) = said["others"]
    assert (other["target"]["host"], other["reachable"]) == ("::1", False)


def test_the_dot_at_the_end_of_a_name_is_not_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = socket.getaddrinfo

    def ask(host: str, *rest: int) -> list[Any]:
        return really("127.0.0.1" if host == "shop.example." else host, *rest)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    seen: list[bytes] = []

    def script(connection: socket.socket) -> None:
        seen.append(connection.recv(65536))

    with listening(script) as address:
        where = f"shop.example.:{address.port}"
        assert run("probe", where, "--connections", "2", *QUICK).code == Exit.DONE
    hello, request = seen
    assert ClientHello.parse(hello).server_name == "shop.example"
    assert b"\r\nHost: shop.example:" in request


def test_no_time_for_a_question(run: Run, server: str) -> None:
    ended = run("probe", server, "--timeout", "1e-9")
    assert (ended.code, ended.out) == (Exit.UNAVAILABLE, b"")
    assert ended.complaint == f"magic: {server}: 1e-09 s were over"


@pytest.mark.usefixtures("both_families")
@pytest.mark.parametrize("option", [["-4"], ["--from", "127.0.0.66"]])
def test_a_family_can_be_named(run: Run, server: str, option: list[str]) -> None:
    port = Endpoint.parse(server).port
    where = f"shop.example:{port}"
    ended = run("probe", where, *option, "--json", "--connections", "1", *QUICK)
    said = json.loads(ended.out)
    assert (said["target"]["host"], said["others"]) == ("127.0.0.1", [])
    # What was not asked and not named so by whoever asks is said.
    note = f"Not asked, because --from is 127.0.0.66: [::1]:{port}.\n"
    assert ended.err.decode() == (note if "--from" in option else "")


@pytest.mark.usefixtures("both_families")
def test_where_nobody_listens_at_any_address(run: Run) -> None:
    with listening(lambda connection: None) as address:
        pass
    ended = run("probe", f"shop.example:{address.port}")
    assert (ended.code, ended.out) == (Exit.UNAVAILABLE, b"")
    refused = "Connection refused"
    assert ended.complaint == (
        f"magic: [::1]:{address.port}: {refused}; {address}: {refused}"
    )


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["shop.example"], "does not end in :PORT"),
        (["10.0.0.0/8:443"], "more than one host"),
        (["224.0.0.1:443"], "group"),
        (["127.0.0.1:1", "--path", "whoami"], "is no path"),
        (["127.0.0.1:1", "--path", "/a b"], "is no path"),
        (["127.0.0.1:1", "--path", "/a\r\nX: y"], "is no path"),
        (["127.0.0.1:1", "--server-name", "a b"], "is no name"),
        (["127.0.0.1:1", "--server-name", "a\r\nX: y"], "is no name"),
        (["127.0.0.1:1", "--server-name", ".x"], "is no server's name"),
        (["127.0.0.1:1", "--server-name", "a..b"], "is no server's name"),
        (["127.0.0.1:1", "--server-name", "a" * 64 + ".x"], "is no server's name"),
        (["a..b:1"], "'a..b' is no address and no host's name"),
        (["127.0.0.1:1", "--method", "POST"], "POST"),
        (["127.0.0.1:1", "--from", "here"], "no literal IP address"),
        (["127.0.0.1:1", "--from", "::1"], "not of one family"),
        (["[::1]:1", "--from", "127.0.0.1"], "not of one family"),
        (["127.0.0.1:1", "--from", "fe80::1%lo"], "has a zone"),
        (["127.0.0.1:1", "-4", "-6"], "-4 and -6"),
        (["127.0.0.1:1", "-6"], "is no IPv6 address"),
        (["[fe80::1]:1"], "name the interface too"),
        (["[fe80::1%nowhere9]:1"], "no interface 'nowhere9'"),
        (["127.0.0.1:1", "--connections", "41"], "41"),
        (["127.0.0.1:1", "--format", "proxy3"], "proxy3"),
        (["127.0.0.1:1", "--patience", "0"], "0"),
        ([], "HOST:PORT"),
    ],
)
def test_what_cannot_be_asked(run: Run, arguments: list[str], why: str) -> None:
    ended = run("probe", *arguments)
    assert (ended.code, ended.out) == (Exit.USAGE, b"")
    assert why in ended.complaint


def test_where_nobody_listens(run: Run) -> None:
    with listening(lambda connection: None) as address:
        pass
    ended = run("probe", str(address))
    assert (ended.code, ended.out) == (Exit.UNAVAILABLE, b"")
    assert ended.complaint == f"magic: {address}: Connection refused"


def test_a_name_that_has_no_address(run: Run) -> None:
    ended = run("probe", "nobody.invalid:443")
    assert ended.code == Exit.UNAVAILABLE
    assert ended.complaint.startswith("magic: nobody.invalid has no address")
