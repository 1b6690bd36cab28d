"""TLS servers that know of no preamble, each as an operator would start it."""

from __future__ import annotations

import dataclasses
import functools
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.peers import Port, Process, program

__all__ = ["STRANGERS", "Stranger"]

HERE = Path(__file__).parent
PATIENCE = 120.0
"""Seconds for a compiler that builds its library the first time."""
PASSWORD = "loopback"

Start = Callable[[Path, Authority, Port], Process]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """One server."""

    name: str
    command: str
    """The program without which it is not here."""
    asks_version: tuple[str, ...]
    start: Start
    needs: str | None = None
    """Its name among the peers of the tests; None if they do without it."""

    @property
    def is_here(self) -> bool:
        return program(self.command) is not None

    @property
    def title(self) -> str:
        """Name and version, as it says itself."""
        said = subprocess.run(
            [program(self.command) or "", *self.asks_version],
            check=False,
            text=True,
            timeout=PATIENCE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ).stdout
        found = re.search(r"\d+(\.\d+)+", said)
        return f"{self.name} {found.group() if found else 'of unknown version'}"


def _run(argv: Sequence[object], directory: Path, port: Port) -> Process:
    words = [str(word) for word in argv]
    log = directory / f"{Path(words[0]).name}-{port.number}.log"
    return Process(words, log=log, ports=[port])


def _openssl(directory: Path, authority: Authority, port: Port) -> Process:
    argv = [
        *(program("openssl") or "", "s_server", "-www", "-accept", str(port)),
        *("-cert", authority.certificate, "-key", authority.key),
    ]
    return _run(argv, directory, port)


def _gnutls(directory: Path, authority: Authority, port: Port) -> Process:
    argv = [
        *(program("gnutls-serv") or "", "--http", "--disable-client-cert"),
        *("--port", str(port.number)),
        *("--x509certfile", authority.certificate, "--x509keyfile", authority.key),
    ]
    return _run(argv, directory, port)


def _nginx(directory: Path, authority: Authority, port: Port) -> Process:
    configuration = directory / f"stranger-nginx-{port.number}.conf"
    configuration.write_text(
        f"""
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; scgi_temp_path {directory};
    uwsgi_temp_path {directory};
    server {{
        listen {port} ssl;
        ssl_certificate {authority.certificate};
        ssl_certificate_key {authority.key};
        return 204;
    }}
}}
daemon off; master_process off;
pid {configuration.with_suffix(".pid")};
error_log stderr info;
"""
    )
    argv = [
        *(program("nginx") or "", "-e", "stderr"),
        *("-p", directory, "-c", configuration),
    ]
    return _run(argv, directory, port)


def _haproxy(directory: Path, authority: Authority, port: Port) -> Process:
    configuration = directory / f"stranger-haproxy-{port.number}.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend stranger
    bind {port} ssl crt {authority.bundle}
    http-request return status 204
"""
    )
    return _run([program("haproxy") or "", "-db", "-f", configuration], directory, port)


def _stunnel(directory: Path, authority: Authority, port: Port) -> Process:
    configuration = directory / f"stranger-stunnel-{port.number}.conf"
    configuration.write_text(
        f"""
foreground = yes
pid =
[stranger]
accept = {port}
connect = 127.0.0.1:9
cert = {authority.bundle}
"""
    )
    return _run([program("stunnel4") or "", configuration], directory, port)


def _hitch(directory: Path, authority: Authority, port: Port) -> Process:
    user = ["--user=nobody"] if os.geteuid() == 0 else []
    argv = [
        *(program("hitch") or "", *user, "--backend=[127.0.0.1]:9"),
        *(f"--frontend=[{port.host}]:{port.number}", authority.bundle),
    ]
    return _run(argv, directory, port)


def _python(directory: Path, authority: Authority, port: Port) -> Process:
    argv = [
        *(sys.executable, HERE / "server.py", port.host, str(port.number)),
        *(authority.certificate, authority.key),
    ]
    return _run(argv, directory, port)


def _node(directory: Path, authority: Authority, port: Port) -> Process:
    argv = [
        *(program("node") or "", HERE / "server.js", port.host, str(port.number)),
        *(authority.certificate, authority.key),
    ]
    return _run(argv, directory, port)


def _go(directory: Path, authority: Authority, port: Port) -> Process:
    argv = [_go_built(), str(port), authority.certificate, authority.key]
    return _run(argv, directory, port)


@functools.cache
def _go_built() -> Path:
    built = Path(tempfile.mkdtemp(prefix="sslmagic-go-")) / "stranger"
    subprocess.run(
        [program("go") or "", "build", "-o", built, HERE / "main.go"],
        env={**os.environ, "GO111MODULE": "off", "GOFLAGS": ""},
        check=True,
        timeout=PATIENCE,
    )
    return built


def _java(directory: Path, authority: Authority, port: Port) -> Process:
    store = directory / f"stranger-{port.number}.p12"
    subprocess.run(
        [
            *(program("openssl") or "", "pkcs12", "-export", "-out", store),
            *("-in", authority.certificate, "-inkey", authority.key),
            *("-passout", f"pass:{PASSWORD}"),
        ],
        check=True,
        timeout=PATIENCE,
    )
    argv = [
        *(program("java") or "", "-Djava.net.preferIPv4Stack=true"),
        *(HERE / "Server.java", port.host, str(port.number)),
        *(store, PASSWORD),
    ]
    return _run(argv, directory, port)


STRANGERS = (
    Stranger(
        name="OpenSSL s_server",
        command="openssl",
        asks_version=("version",),
        start=_openssl,
        needs="openssl",
    ),
    Stranger(
        name="nginx",
        command="nginx",
        asks_version=("-v",),
        start=_nginx,
        needs="nginx",
    ),
    Stranger(
        name="HAProxy",
        command="haproxy",
        asks_version=("-v",),
        start=_haproxy,
        needs="haproxy",
    ),
    Stranger(
        name="stunnel",
        command="stunnel4",
        asks_version=("-version",),
        start=_stunnel,
        needs="stunnel",
    ),
    Stranger(
        name="hitch",
        command="hitch",
        asks_version=("--version",),
        start=_hitch,
        needs="hitch",
    ),
    # It listens on every address and has no option for one: not in the tests.
    Stranger(
        name="GnuTLS gnutls-serv",
        command="gnutls-serv",
        asks_version=("--version",),
        start=_gnutls,
    ),
    Stranger(
        name="Go crypto/tls",
        command="go",
        asks_version=("version",),
        start=_go,
        needs="go",
    ),
    Stranger(
        name="Python ssl",
        command=sys.executable,
        asks_version=("--version",),
        start=_python,
    ),
    Stranger(name="Node", command="node", asks_version=("--version",), start=_node),
    Stranger(name="Java", command="java", asks_version=("--version",), start=_java),
)
