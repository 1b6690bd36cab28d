"""wsgiref: an environ with its client, on every kind of connection."""

from __future__ import annotations

import socket
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler
from wsgiref.validate import validator

import pytest

from sslmagic import Preamble, UnixEndpoint, encode
from sslmagic.errors import ConfigurationError
from sslmagic.servers import wsgiref
from sslmagic.servers.wsgiref import WSGIServer
from tests.interop.authority import Authority
from tests.interop.serving.standard import VARIANTS
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import CLIENT, LOOPBACK, OCTETS, PREAMBLE
from tests.sslmagic.servers.conduct import FORGED, LOCAL, Rule, Running, asked, kept_by
from tests.sslmagic.servers.inprocess import interrupted

(VARIANT,) = (variant for variant in VARIANTS if variant.name == "wsgiref")

SOURCE = UnixEndpoint("/run/client")
FROM_UNIX = encode(Preamble(source=SOURCE, destination=UnixEndpoint("/run/app")))


@kept_by(VARIANT)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


def environs(
    monkeypatch: pytest.MonkeyPatch,
    place: Any,
    befores: list[bytes],
    authority: Authority | None = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """What an application gets for each connection, which begins with these octets."""
    seen: list[dict[str, Any]] = []

    def noting(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(dict(environ))
        return app(environ, start_response)

    def client(address: Any) -> None:
        where = Path(address) if isinstance(address, str) else address[:2]
        for before in befores:
            asked(where, before, request=FORGED, authority=authority)

    def serve(made: Any) -> None:
        monkeypatch.setattr(wsgiref, "WSGIServer", made)
        wsgiref.run(noting, place, trust=LOOPBACK, **options)

    interrupted(serve, client, WSGIServer)
    return seen


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "", "::"])
def test_a_client_without_an_address_has_no_port(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    said, nobody = environs(monkeypatch, (host, 0), [OCTETS, LOCAL])
    assert (said["REMOTE_ADDR"], said["REMOTE_PORT"]) == (CLIENT[0], str(CLIENT[1]))
    assert nobody["REMOTE_ADDR"] == ""
    for environ in (said, nobody):
        assert not {name for name in environ if "FORWARDED" in name}
        assert not {name for name in environ if "CLUSTER" in name}
        assert "REMOTE_HOST" not in environ
        assert environ["SERVER_PORT"] != "0"
        assert environ["wsgi.multithread"] is True
    assert "REMOTE_PORT" not in nobody
    assert nobody["sslmagic.preamble"] == Preamble.local()


def test_a_unix_socket_has_clients_of_any_kind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = str(tmp_path / "server.sock")
    befores = [OCTETS, LOCAL, FROM_UNIX]
    said, nobody, unix = environs(monkeypatch, path, befores)
    assert (said["REMOTE_ADDR"], said["REMOTE_PORT"]) == (CLIENT[0], str(CLIENT[1]))
    assert nobody["REMOTE_ADDR"] == ""
    assert unix["REMOTE_ADDR"] == SOURCE.path
    assert "REMOTE_PORT" not in nobody
    assert "REMOTE_PORT" not in unix
    assert said["SERVER_NAME"] == "localhost"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_scheme_is_that_of_the_connection(
    monkeypatch: pytest.MonkeyPatch, scheme: str, authority: Authority
) -> None:
    tls: dict[str, Any] = {}
    if scheme == "https":
        tls = {"authority": authority, "ssl": authority.server()}
    (said,) = environs(monkeypatch, ("127.0.0.1", 0), [OCTETS], **tls)
    assert said["wsgi.url_scheme"] == scheme
    assert said.get("HTTPS") == ("on" if tls else None)


def test_an_environ_is_as_wsgi_wants_it(authority: Authority) -> None:
    checked: Any = validator(app)

    def client(address: Any) -> list[dict[str, Any]]:
        return [asked(address, each, authority=authority) for each in (OCTETS, LOCAL)]

    def serve(made: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wsgiref, "WSGIServer", made)
            wsgiref.run(
                checked,
                ("127.0.0.1", 0),
                trust=LOOPBACK,
                ssl=authority.server(),
            )

    said, nobody = interrupted(serve, client, WSGIServer)
    assert said["client"] == list(CLIENT)
    assert nobody["client"] == ""


def test_a_handler_of_ones_own_keeps_its_environ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Handler(wsgiref.RequestHandler):
        def get_environ(self) -> dict[str, Any]:
            return {**super().get_environ(), "shop.name": "shop"}

    (said,) = environs(monkeypatch, ("127.0.0.1", 0), [OCTETS], handler=Handler)
    assert said["shop.name"] == "shop"
    assert said["REMOTE_ADDR"] == CLIENT[0]


class Quiet(WSGIRequestHandler):
    """A handler that knows nothing of clients."""

    def get_environ(self) -> dict[str, Any]:
        return {**super().get_environ(), "shop.name": "shop"}

    def log_message(self, format: str, *_: Any) -> None:
        pass


@pytest.mark.parametrize("handler", [Quiet, partial(Quiet)])
def test_a_handler_of_anybodys_has_clients(
    monkeypatch: pytest.MonkeyPatch, handler: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    (said,) = environs(monkeypatch, ("127.0.0.1", 0), [OCTETS], handler=handler)
    assert (said["REMOTE_ADDR"], said["REMOTE_PORT"]) == (CLIENT[0], str(CLIENT[1]))
    assert said["sslmagic.preamble"] == PREAMBLE
    assert not {name for name in said if "FORWARDED" in name or "CLUSTER" in name}
    assert said["shop.name"] == "shop"
    assert capfd.readouterr().err == ""


def test_a_handler_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no WSGIRequestHandler"):
        wsgiref.run(
            app,
            ("127.0.0.1", 0),
            trust=LOOPBACK,
            handler=BaseHTTPRequestHandler,
        )


def test_the_log_has_an_address_in_its_first_column(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environs(monkeypatch, ("127.0.0.1", 0), [OCTETS])
    said = capfd.readouterr().err
    assert said.startswith(f"{CLIENT[0]} - - [")
    assert socket.gethostname() not in said.split()
