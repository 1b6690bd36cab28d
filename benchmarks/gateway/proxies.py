"""The proxies side by side: each set up for one worker on one core."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from benchmarks.cores import PROXY_CORE
from benchmarks.gateway.processes import Server, free_port, running
from benchmarks.programs import program

__all__ = ["Start", "gateway", "haproxy", "nginx"]

Start = Callable[[str, Path], AbstractContextManager[Server]]
"""Starts a proxy in front of one ``HOST:PORT``, with a directory for its files."""

_HAPROXY = """\
global
    nbthread 1
    maxconn 6000
    maxpipes 64
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
    {options}
listen benchmark
    bind 127.0.0.1:{port} {bind}
    server node {node} send-proxy-v2
"""

_NGINX = """\
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {directory}/nginx.pid;
error_log stderr error;
{modules}
events {{ worker_connections 19000; }}
stream {{
    access_log off;
    server {{
        listen 127.0.0.1:{port};
        proxy_pass {node};
        proxy_protocol on;
        proxy_timeout 60s;
    }}
}}
"""
_STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


def gateway(*, enhance: str = "proxy2", protocol: str = "client_first") -> Start:
    """Return how to start ours, as an operator would: the command, one worker."""

    @contextlib.contextmanager
    def start(node: str, directory: Path) -> Iterator[Server]:
        command = [sys.executable, "-m", "sslmagic_cli", "gateway"]
        command += ["--listen", "127.0.0.1:0", "--node", node]
        command += ["--enhance", enhance, "--protocol", protocol]
        command += ["--workers", "1", "--grace", "0"]
        log = directory / f"gateway-{enhance}-{protocol}.log"
        with running(command, core=PROXY_CORE, log=log) as server:
            yield server

    return start


def haproxy(*, splice: bool = False, defer: bool = False) -> Start:
    """Return how to start HAProxy, PROXY v2 towards its node.

    Args:
        splice: with ``option splice-auto``.
        defer: with ``defer-accept``, what our gateway does for client-first too.
    """

    @contextlib.contextmanager
    def start(node: str, directory: Path) -> Iterator[Server]:
        port = free_port()
        name = f"haproxy-{port}"
        configuration = directory / f"{name}.cfg"
        configuration.write_text(
            _HAPROXY.format(
                port=port,
                node=node,
                options="option splice-auto" if splice else "",
                bind="defer-accept" if defer else "",
            )
        )
        command = [program("haproxy"), "-db", "-f", str(configuration)]
        log = directory / f"{name}.log"
        with running(command, core=PROXY_CORE, log=log, port=port) as server:
            yield server

    return start


def nginx() -> Start:
    """Return how to start nginx's stream proxy; it sends PROXY v1."""

    @contextlib.contextmanager
    def start(node: str, directory: Path) -> Iterator[Server]:
        port = free_port()
        home = directory / f"nginx-{port}"
        home.mkdir()
        configuration = home / "nginx.conf"
        configuration.write_text(
            _NGINX.format(
                port=port, node=node, directory=home, modules=_stream_module()
            )
        )
        command = [program("nginx"), "-p", str(home), "-c", str(configuration)]
        log = home / "log"
        with running(command, core=PROXY_CORE, log=log, port=port) as server:
            yield server

    return start


def _stream_module() -> str:
    """Return what loads nginx's stream module where it is a shared object."""
    return f"load_module {_STREAM_MODULE};" if _STREAM_MODULE.exists() else ""
