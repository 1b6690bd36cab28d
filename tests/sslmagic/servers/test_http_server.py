"""http.server: handlers of any kind, headers that lie, and its command."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import signal
import socket
import socketserver
import sys
from pathlib import Path
from typing import Any

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.servers import http_server
from sslmagic.servers.http_server import ClientRequests, HTTPServer, main, receive
from tests.interop.authority import NAME, Authority
from tests.interop.client import ask
from tests.interop.peers import Address, Port, Process
from tests.interop.serving.answer import answer
from tests.interop.serving.standard import VARIANTS
from tests.sslmagic.receiving import CLIENT, LOOPBACK, OCTETS, PATIENCE
from tests.sslmagic.servers.conduct import (
    FORGED,
    LOCAL,
    STRANGER,
    Rule,
    Running,
    asked,
    kept_by,
)
from tests.sslmagic.servers.inprocess import interrupted, served

(VARIANT,) = (variant for variant in VARIANTS if variant.name == "http.server")
COMMAND = [sys.executable, "-m", "sslmagic.servers.http_server"]
TRUST = ("--trust", "127.0.0.0/8")


class Handler(http.server.BaseHTTPRequestHandler):
    """Says whom it sees, and what it was made with."""

    def __init__(self, *arguments: Any, word: str = "") -> None:
        self.word = word
        super().__init__(*arguments)

    def do_GET(self) -> None:
        name: Any = self.client_address
        said = json.loads(answer(name, name.preamble, name.peer, self.headers.items()))
        body = json.dumps({**said, "word": self.word}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Mixed(ClientRequests, Handler):
    """A handler that has it already."""


@kept_by(VARIANT)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize(
    ("handler", "word"),
    [
        (Handler, ""),
        (Mixed, ""),
        (functools.partial(Handler, word="first"), "first"),
        (functools.partial(Mixed, word="first"), "first"),
        (functools.partial(functools.partial(Handler), word="second"), "second"),
    ],
)
def test_a_handler_of_any_shape_has_the_client_and_no_other(
    handler: Any, word: str
) -> None:
    def client(address: Address) -> dict[str, Any]:
        return asked(address[:2], request=FORGED)

    def serve(made: Any) -> None:
        place = ("127.0.0.1", 0)
        http_server.run(handler, place, trust=LOOPBACK, server_class=made)

    said = interrupted(serve, client, HTTPServer)
    assert said["client"] == list(CLIENT)
    assert said["claims"] == []
    assert said["word"] == word


@pytest.mark.parametrize(
    "handler",
    [
        socketserver.StreamRequestHandler,
        functools.partial(socketserver.StreamRequestHandler),
        lambda *arguments: Handler(*arguments),
    ],
)
def test_a_handler_of_another_kind_is_refused(handler: Any) -> None:
    with pytest.raises(ConfigurationError, match="is no BaseHTTPRequestHandler"):
        http_server.run(handler, ("127.0.0.1", 0), trust=LOOPBACK)


@pytest.mark.parametrize(
    "make", [http.server.HTTPServer, http.server.ThreadingHTTPServer]
)
def test_a_server_of_ones_own_has_clients_and_nobody_else(make: Any) -> None:
    server = receive(make(("127.0.0.1", 0), Handler), trust=LOOPBACK)
    address = ("127.0.0.1", server.server_port)
    with served(server):
        said = asked(address, request=FORGED)
        nobody = asked(address, LOCAL, request=FORGED)
    assert said["client"] == list(CLIENT)
    assert nobody["client"] == ["", 0]
    assert said["claims"] == nobody["claims"] == []


def test_a_server_of_ones_own_with_another_kind_of_handler_is_refused() -> None:
    kind: Any = socketserver.StreamRequestHandler
    with (
        http.server.HTTPServer(("127.0.0.1", 0), kind) as server,
        pytest.raises(ConfigurationError, match="is no BaseHTTPRequestHandler"),
    ):
        receive(server, trust=LOOPBACK)


def test_a_handler_serves_where_no_listener_accepts() -> None:
    """A server of one's own that takes no preambles: its peers are its clients."""
    server = HTTPServer(("127.0.0.1", 0), Mixed)
    with served(server):
        said = asked(("127.0.0.1", server.server_port), b"", request=FORGED)
    assert said["client"][0] == "127.0.0.1"
    assert said["preamble"] is False
    assert STRANGER in str(said["claims"])


def test_no_method_of_a_handler_sees_another_client() -> None:
    """Also those that are called while the request's head is read."""
    seen: list[tuple[str, bool]] = []

    class Early(Handler):
        def parse_request(self) -> bool:
            parsed = super().parse_request()
            seen.append(("parse_request", STRANGER in str(self.headers)))
            return parsed

        def handle_expect_100(self) -> bool:
            seen.append(("handle_expect_100", STRANGER in str(self.headers)))
            return True

    class First(Early, ClientRequests):
        """Mixed in behind it."""

    expecting = FORGED.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n")
    for handler in (Early, First):
        seen.clear()
        handler.protocol_version = "HTTP/1.1"
        server = receive(HTTPServer(("127.0.0.1", 0), handler), trust=LOOPBACK)
        with served(server):
            said = asked(("127.0.0.1", server.server_port), request=expecting)
        assert said["claims"] == []
        assert seen == [("handle_expect_100", False), ("parse_request", False)]


@pytest.mark.parametrize(
    "name",
    [
        "X-Cluster-Client-Ip",
        "x-cluster-client-ip",
        "X_Cluster_Client_Ip",
        "X.Cluster.Client.Ip",
        "X-Forwarded-For",
        "X_Forwarded_For",
        "X-Forwarded-Anything",
        "FORWARDED",
    ],
)
def test_no_spelling_of_a_header_names_another_client(name: str) -> None:
    request = f"GET / HTTP/1.1\r\nHost: {NAME}\r\n{name}: {STRANGER}\r\n".encode()
    # Twice, folded, and with octets that are no ASCII beside it.
    request += f"{name}: a,\r\n {STRANGER}\r\nX-\xe9: b\r\n".encode("latin-1")
    seen: list[list[tuple[str, str]]] = []

    class Noting(Mixed):
        def do_GET(self) -> None:
            seen.append(self.headers.items())
            super().do_GET()

    server = receive(HTTPServer(("127.0.0.1", 0), Noting), trust=LOOPBACK)
    address = ("127.0.0.1", server.server_port)
    with served(server):
        said = asked(address, request=request + b"Connection: close\r\n\r\n")
    assert said["claims"] == []
    assert {each[0] for each in seen[0]} <= {"Host", "Connection", "X-\xe9"}
    assert STRANGER not in str(seen)


def test_the_command_serves_files_with_its_options(
    tmp_path: Path, authority: Authority
) -> None:
    port, second = Port(), Port()
    files = tmp_path / "files"
    files.mkdir()
    (files / "said.json").write_text('{"served": true}')
    words = [port.number, "--bind", port.host, "--directory", files]
    words += ["--protocol", "HTTP/1.1", "--tls-cert", authority.certificate]
    words += ["--tls-key", authority.key, "--direct-listen", second]
    request = f"GET /said.json HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n"
    with _command(words, tmp_path, [port, second]) as process:
        for address, before in ((port.address, OCTETS), (second.address, b"")):
            said = ask(
                address, authority.client(), before=before, request=request.encode()
            )
            assert said.body == {"served": True}
        process.until_said(rf"^{re.escape(CLIENT[0])} - - .*GET /said.json HTTP/1.1")
        process.until_said(r"^127\.0\.0\.1 - - .*GET /said.json HTTP/1.1")
        process.until_said(rf"^serving {files} over https, port {port.number}$")
        os.kill(process.pid, signal.SIGINT)
        assert process._popen.wait(PATIENCE) == 0
        assert "Traceback" not in process.said()


def test_the_command_answers_in_the_protocol_it_is_told(tmp_path: Path) -> None:
    port = Port()
    with (
        _command([port.number, "-b", port.host, "-p", "HTTP/1.1"], tmp_path, [port]),
        socket.create_connection(port.address, PATIENCE) as stream,
    ):
        stream.sendall(OCTETS + b"HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert stream.recv(12) == b"HTTP/1.1 200"


def test_the_command_listens_on_every_address(tmp_path: Path) -> None:
    port = Port("::")
    number = port.number
    words = [str(number), "--trust", "::1"]
    with _command(words, tmp_path, [port]):
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, number), PATIENCE) as stream:
                stream.sendall(OCTETS + b"HEAD / HTTP/1.0\r\n\r\n")
                assert stream.recv(12) == b"HTTP/1.0 200"


def test_the_command_decrypts_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, authority: Authority
) -> None:
    """The password is read, and used: a wrong one is one line."""
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(authority.key.read_bytes(), None)
    locked, password = tmp_path / "locked.pem", tmp_path / "password"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    password.write_text("secret\n")
    served: list[Any] = []
    monkeypatch.setattr(http_server, "serve", lambda *given: served.append(given[-1]))
    words = ["--tls-cert", str(authority.certificate), "--tls-key", str(locked)]
    words += ["--tls-password-file", str(password), *TRUST]
    main(words)
    assert served[0] is not None
    password.write_text("wrong")
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 78


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--tls-cert", "/nowhere/cert.pem"], 78, "/nowhere/cert.pem: .*No such file"),
        (["--tls-cert", __file__], 78, f"{re.escape(__file__)}: .*PEM"),
        (["--tls-key", "key.pem"], 78, "--tls-key"),
        (["--tls-password-file", "password"], 78, "--tls-cert"),
        (["--bind", "192.0.2.1"], 69, "cannot listen on 192.0.2.1, port 0"),
        (["--direct-listen", "192.0.2.1:9"], 69, "cannot listen on 192.0.2.1:9"),
        (["--deadline", "0"], 78, "deadline"),
    ],
)
def test_the_command_says_what_is_wrong_in_a_line(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["0", *words, *TRUST])
    assert ended.value.code == code
    *lines, last = capsys.readouterr().err.splitlines()
    assert re.search(said, last)
    # What it says before it knows.
    assert all(line.startswith("serving ") for line in lines)


def _command(words: Any, directory: Path, ports: list[Port]) -> Process:
    argv = [*COMMAND, *TRUST, *map(str, words)]
    return Process(argv, log=directory / "log", ports=ports)
