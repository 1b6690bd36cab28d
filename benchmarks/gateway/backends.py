"""What stands behind the proxies: nginx for HTTP and TLS, and one that reads MAGIC."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import LOAD_CORE
from benchmarks.gateway.processes import Server, free_port, running
from benchmarks.programs import go_program, program

__all__ = ["HOSTS", "Backend", "any_backend", "make_certificate", "nginx_backend"]

_NGINX = """\
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {home}/nginx.pid;
error_log stderr crit;
events {{ worker_connections 16000; }}
http {{
    access_log off;
    client_header_timeout 60s;
    ssl_certificate {home}/certificate.pem;
    ssl_certificate_key {home}/key.pem;
    ssl_protocols TLSv1.3;
    ssl_session_cache off;
    ssl_session_tickets off;
    client_body_temp_path {home}/body;
    proxy_temp_path {home}/proxy;
    fastcgi_temp_path {home}/fastcgi;
    uwsgi_temp_path {home}/uwsgi;
    scgi_temp_path {home}/scgi;
    server {{
        listen 127.0.0.1:{plain};
        listen 127.0.0.1:{tls} ssl;
{listens}
        location / {{ return 200 "seen\\n"; }}
    }}
}}
"""

HOSTS = tuple(f"127.0.0.{last}" for last in range(2, 12))
"""One loopback address of the backend for each proxy, so that none pays for the
TIME_WAIT of another's connections when the kernel looks for a free port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """The ports of a running backend."""

    server: Server
    plain: int
    """HTTP, no preamble, on 127.0.0.1."""
    tls: int
    """HTTPS, no preamble, on 127.0.0.1."""
    behind: int
    """HTTP behind a PROXY preamble, on every one of `HOSTS`."""
    tls_behind: int
    """HTTPS behind a PROXY preamble, on every one of `HOSTS`."""


@contextlib.contextmanager
def nginx_backend(directory: Path) -> Iterator[Backend]:
    """Start nginx with one worker on the load's core."""
    home = directory / "nginx-backend"
    home.mkdir()
    ports = {name: free_port() for name in ("plain", "tls", "behind", "tls_behind")}
    make_certificate(home)
    listens = [
        f"        listen {host}:{ports[name]} {flags};"
        for host in HOSTS
        for name, flags in (
            ("behind", "proxy_protocol"),
            ("tls_behind", "ssl proxy_protocol"),
        )
    ]
    configuration = home / "nginx.conf"
    configuration.write_text(
        _NGINX.format(home=home, listens="\n".join(listens), **ports)
    )
    command = [program("nginx"), "-p", str(home), "-c", str(configuration)]
    with running(
        command, core=LOAD_CORE, log=home / "log", port=ports["plain"]
    ) as server:
        yield Backend(server=server, **ports)


@contextlib.contextmanager
def any_backend(directory: Path) -> Iterator[Server]:
    """Start the server of benchmarks/go/backend, which takes any preamble."""
    command = [str(go_program("backend", directory)), "127.0.0.1"]
    log = directory / "any-backend.log"
    with running(command, core=LOAD_CORE, log=log) as server:
        yield server


def make_certificate(home: Path) -> None:
    """Put `certificate.pem` and `key.pem`, ECDSA P-256, into a directory."""
    subprocess.run(
        [
            *(program("openssl"), "req", "-x509", "-nodes", "-days", "2"),
            *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-subj", "/CN=localhost", "-keyout", str(home / "key.pem")),
            *("-out", str(home / "certificate.pem")),
        ],
        check=True,
        capture_output=True,
    )
