"""A gateway of cheroot's that says whom it sees, and a server of it in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cheroot.server

from tests.interop.serving.answer import answer
from tests.sslmagic.receiving import PATIENCE

__all__ = ["Gateway", "started"]


class Gateway(cheroot.server.Gateway):
    """Answers without WSGI."""

    def respond(self) -> None:
        conn = self.req.conn
        headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self.req.inheaders.items()
        ]
        client = (conn.remote_addr, conn.remote_port)
        name = conn.peer_name
        body = answer(client, name.preamble, name.peer, headers)
        self.req.status = b"200 OK"
        self.req.outheaders.append((b"Content-Length", str(len(body)).encode()))
        self.req.ensure_headers_sent()
        self.req.write(body)


@contextmanager
def started(server: Any) -> Iterator[Any]:
    server.prepare()
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()
