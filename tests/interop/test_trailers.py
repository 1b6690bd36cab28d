"""A trailer of the client's, which HAProxy passes on, is nowhere the nearest hop."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path

import pytest

from tests.interop.peers import Port, Process, needs, program
from tests.sources import PROJECT
from tests.sslmagic.receiving import PATIENCE

ASGI, WSGI = "tests.interop.trailers:asgi_app", "tests.interop.trailers:wsgi_app"
WSGIREF = """
from sys import argv
from wsgiref.simple_server import make_server
from tests.interop.trailers import wsgi_app
make_server("127.0.0.1", int(argv[1]), wsgi_app).serve_forever()
"""
UVICORN = ("-m", "uvicorn", ASGI, "--no-proxy-headers", "--port", "{number}", "--http")
WAITRESS = ("-m", "waitress", "--no-clear-untrusted-proxy-headers")
OURS = ("--trust", "10.0.0.0/8", "--direct", "127.0.0.1")
GUNICORN = ("-m", "gunicorn", "--bind", "{port}", "--worker-class")
SERVERS = {
    "uvicorn-httptools": (*UVICORN, "httptools"),
    "our-uvicorn": (
        *("-m", "sslmagic.servers.uvicorn", *OURS, ASGI),
        *("--port", "{number}", "--http", "httptools"),
    ),
    "our-gunicorn": (
        *("-m", "sslmagic.servers.gunicorn", *OURS, "--bind", "{port}"),
        *("--worker-class", "uvicorn_worker.UvicornWorker", ASGI),
    ),
    "uvicorn-h11": (*UVICORN, "h11"),
    "hypercorn": ("-m", "hypercorn", "--bind", "{port}", ASGI),
    "gunicorn-asgi": (*GUNICORN, "asgi", ASGI),
    "gunicorn-gthread": (*GUNICORN, "gthread", WSGI),
    "waitress": (*WAITRESS, "--listen", "{port}", WSGI),
    "cheroot": ("-m", "cheroot", "--bind", "{port}", WSGI),
    "wsgiref": ("-c", WSGIREF, "{number}"),
}
MERGING = "uvicorn-httptools"

CLIENT = "127.0.0.7"
CONFIGURATION = """
defaults
  mode http
  option forwardfor
  timeout connect 9s
  timeout client 9s
  timeout server 9s
listen trailers
  bind {front}
  server s {back}
"""
HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
BODY = b"Connection: close\r\n\r\n1\r\na\r\n0\r\n"
TRAILER = b"X-Forwarded-For: 6.6.6.6\r\n"


def answered(front: Port, trailer: bytes) -> tuple[int, bytes]:
    """What a client gets that sends its request in one piece."""
    with socket.create_connection(front.address, PATIENCE, (CLIENT, 0)) as client:
        client.sendall(HEAD + BODY + trailer + b"\r\n")
        with client.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    return int(head.split()[1]), body


@pytest.mark.parametrize("name", SERVERS)
def test_no_client_names_itself_in_a_trailer(name: str, tmp_path: Path) -> None:
    needs("haproxy")
    front, back = Port(), Port()
    words = [word.format(port=back, number=back.number) for word in SERVERS[name]]
    file = tmp_path / "haproxy.cfg"
    file.write_text(CONFIGURATION.format(front=front, back=back))
    haproxy: list[str | Path] = [program("haproxy") or "", "-db", "-f", file]
    with (
        Process(
            [sys.executable, *words],
            log=tmp_path / "server",
            ports=[back],
            environment={"PYTHONPATH": str(PROJECT)},
        ),
        Process(haproxy, log=tmp_path / "haproxy", ports=[front]),
    ):
        plain, trailed = answered(front, b""), answered(front, TRAILER)
    assert (plain[0], json.loads(plain[1])["client"][0]) == (200, CLIENT)
    if name == MERGING and trailed[0] == 400:
        assert b"do not name one client" in trailed[1]
    else:
        # Where it merges them as well, what comes later than the head is not there yet.
        assert (trailed[0], json.loads(trailed[1])["client"][0]) == (200, CLIENT)
