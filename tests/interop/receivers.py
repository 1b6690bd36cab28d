"""Peers that take a preamble off and terminate TLS, each saying who its client is."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.peers import (
    GO_SOURCES,
    NGINX_STREAM,
    PEERS,
    Address,
    Port,
    Process,
    needs,
    program,
)
from tests.interop.senders import said

__all__ = ["CLEAR_RECEIVERS", "RECEIVERS", "Receiver", "go_receiver"]

Start = Callable[[Path, Authority, Port, Address | None], Process]

BUILD = 120.0
"""Seconds for the Go compiler, which builds TLS and HTTP the first time."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """One peer in one way of receiving; each takes PROXY v1 and v2."""

    name: str
    needs: tuple[str, ...]
    start: Start
    passes_on: str | None = None
    """The format in which it passes the client's address to a node in clear.

    `same` is the format that it received; None is a peer that answers by itself.
    """

    @property
    def is_here(self) -> bool:
        """Whether all that it needs is installed."""
        return all(PEERS[name].present() for name in self.needs)

    @contextlib.contextmanager
    def on(
        self,
        host: str,
        *,
        directory: Path,
        authority: Authority,
        node: Address | None = None,
    ) -> Iterator[Address]:
        """Runs the peer, listening on this host."""
        needs(*self.needs)
        port = Port(host)
        with self.start(directory, authority, port, node):
            yield port.address


def _haproxy(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    configuration = directory / f"haproxy-{port.number}.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
    tune.bufsize 32768
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend receiver
    bind {port} accept-proxy ssl crt {authority.bundle}
    http-request return status 200 content-type application/json lf-string \
'{{"client":["%[src]","%[src_port]"]}}'
"""
    )
    return Process(
        [program("haproxy") or "", "-db", "-f", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    )


def _nginx_http(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    return _nginx(
        directory,
        port,
        f"""
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; scgi_temp_path {directory};
    uwsgi_temp_path {directory};
    server {{
        listen {port} ssl proxy_protocol;
        ssl_certificate {authority.certificate};
        ssl_certificate_key {authority.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        keepalive_timeout 0;
        default_type application/json;
        return 200 '{{"client":["$proxy_protocol_addr","$proxy_protocol_port"]}}';
    }}
}}
""",
    )


def _haproxy_clear(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    configuration = directory / f"haproxy-{port.number}.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 10s
    timeout server 10s
frontend receiver
    bind {port}
    http-request set-src req.hdr(X-Cluster-Client-Ip) if {{ src 127.0.0.1 ::1 }}
    http-request return status 200 content-type application/json lf-string \
'{{"client":["%[src]","0"],"said":"%[req.hdr(X-Cluster-Client-Ip)]"}}'
"""
    )
    return Process(
        [program("haproxy") or "", "-db", "-f", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    )


def _nginx_clear(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    return _nginx(
        directory,
        port,
        f"""
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; scgi_temp_path {directory};
    uwsgi_temp_path {directory};
    client_max_body_size 64m;
    server {{
        listen {port};
        set_real_ip_from 127.0.0.1;
        set_real_ip_from ::1;
        real_ip_header X-Cluster-Client-Ip;
        default_type application/json;
        return 200
            '{{"client":["$remote_addr","0"],"said":"$http_x_cluster_client_ip"}}';
    }}
}}
""",
    )


def _nginx_stream(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    assert node is not None
    return _nginx(
        directory,
        port,
        f"""
load_module {NGINX_STREAM};
events {{}}
stream {{
    server {{
        listen {port} ssl proxy_protocol;
        ssl_certificate {authority.certificate};
        ssl_certificate_key {authority.key};
        ssl_protocols TLSv1.2 TLSv1.3;
        set_real_ip_from 127.0.0.0/8;
        set_real_ip_from ::1;
        proxy_pass {said(node)};
        proxy_protocol on;
    }}
}}
""",
    )


def _nginx(directory: Path, port: Port, servers: str) -> Process:
    configuration = directory / f"nginx-{port.number}.conf"
    configuration.write_text(
        f"""
{servers}
daemon off; master_process off;
pid {configuration.with_suffix(".pid")};
error_log stderr info;
"""
    )
    return Process(
        [program("nginx") or "", "-e", "stderr", "-p", directory, "-c", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    )


def _hitch(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    assert node is not None
    user = ["--user=nobody"] if os.geteuid() == 0 else []
    return Process(
        [
            program("hitch") or "",
            *user,
            f"--frontend=[{port.host}]:{port.number}",
            f"--backend=[{node[0]}]:{node[1]}",
            "--proxy-proxy",
            authority.bundle,
        ],
        log=directory / f"hitch-{port.number}.log",
        ports=[port],
    )


def _go(
    directory: Path, authority: Authority, port: Port, node: Address | None
) -> Process:
    return Process(
        [
            # Beside the certificates, which live as long as the session does.
            go_receiver(authority.root.parent),
            *("-listen", str(port)),
            *("-certificate", authority.certificate),
            *("-key", authority.key),
        ],
        log=directory / f"go-{port.number}.log",
        ports=[port],
    )


def go_receiver(directory: Path) -> Path:
    """Builds the Go server there, unless it is there."""
    built = directory / "go-receiver"
    if not built.exists():
        subprocess.run(
            [program("go") or "", "build", "-o", built, "."],
            cwd=Path(__file__).parent / "go" / "receiver",
            # Debian's library packages are a GOPATH, without modules or network.
            env={
                **os.environ,
                "GO111MODULE": "off",
                "GOFLAGS": "",
                "GOPATH": str(GO_SOURCES),
            },
            check=True,
            timeout=BUILD,
        )
    return built


RECEIVERS = (
    Receiver(name="haproxy", needs=("haproxy",), start=_haproxy),
    Receiver(name="nginx-http", needs=("nginx",), start=_nginx_http),
    Receiver(
        name="nginx-stream",
        needs=("nginx", "nginx-stream"),
        start=_nginx_stream,
        passes_on="proxy1",
    ),
    Receiver(name="hitch", needs=("hitch",), start=_hitch, passes_on="same"),
    Receiver(name="go-proxyproto", needs=("go", "go-proxyproto"), start=_go),
)

CLEAR_RECEIVERS = (
    Receiver(name="haproxy", needs=("haproxy",), start=_haproxy_clear),
    Receiver(name="nginx", needs=("nginx",), start=_nginx_clear),
)
"""Peers that read X-Cluster-Client-Ip of plain HTTP, from 127.0.0.1 and ::1."""
