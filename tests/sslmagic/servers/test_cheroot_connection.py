"""cheroot's connections: whose they are, over TCP and UNIX sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sslmagic.servers.cheroot import HTTPServer, Server
from sslmagic.servers.entrance import Entrance
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import CLIENT, LOOPBACK
from tests.sslmagic.servers.conduct import FORGED, asked
from tests.sslmagic.servers.gateway import Gateway, started

ENTRANCE = Entrance(LOOPBACK)


def test_a_gateway_of_ones_own_sees_the_client_and_no_forged_header() -> None:
    with started(HTTPServer(("127.0.0.1", 0), Gateway, entrance=ENTRANCE)) as server:
        said = asked(server.bind_addr, request=FORGED)
    assert said["client"] == list(CLIENT)
    assert said["claims"] == []


def test_the_gateways_user_is_nobodys_client(tmp_path: Path) -> None:
    """cheroot would make whoever runs the gateway the REMOTE_USER of every request."""
    seen: list[set[str]] = []

    def noting(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append({name for name in environ if "REMOTE" in name})
        return app(environ, start_response)

    path = str(tmp_path / "server.sock")
    peers: dict[str, Any] = {
        "peercreds_enabled": True,
        "peercreds_resolve_enabled": True,
    }
    with started(Server(path, noting, entrance=ENTRANCE, **peers)):
        assert asked(Path(path))["client"] == list(CLIENT)
    assert seen == [{"REMOTE_ADDR", "REMOTE_PORT"}]
