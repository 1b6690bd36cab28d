"""The programs that `magic probe` is tried on, as an operator would set them up."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.backends import BACKENDS, serve
from tests.interop.gateway import node
from tests.interop.peers import NGINX_STREAM, Address, Port, Process, program
from tests.interop.receivers import go_receiver
from tests.interop.serving.place import Place
from tests.interop.serving.uvicorn import VARIANTS as UVICORN
from tests.interop.serving.variant import serving

__all__ = ["DEADLINE", "HOST", "PROGRAMS", "TRUSTED", "Places", "Start"]

HOST = "127.0.0.1"
TRUSTED = "127.0.0.9"
"""Whom a listener with a list of trusted peers has in it."""

DEADLINE = 1.0
"""Seconds, for whatever deadline a listener can be given."""

_BOTH = ("proxy1", "proxy2")
_ALL = ("magic", *_BOTH)

Places = dict[str, Address]
"""Where each listener of a program listens, by name."""
Start = Callable[[Path, Authority], contextlib.AbstractContextManager[Places]]


@contextlib.contextmanager
def _haproxy(directory: Path, authority: Authority) -> Iterator[Places]:
    ports = {name: Port(HOST) for name in ("plain", "accept", "expect")}
    shown = "http-request return status 200 content-type text/plain lf-string '%[src]'"
    tls = f"ssl crt {authority.bundle}"
    configuration = directory / "haproxy.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
defaults
    mode http
    timeout connect 5s
    timeout client 1s
    timeout server 5s
    timeout http-request 1s
frontend plain
    bind {ports["plain"]} {tls}
    {shown}
frontend accept
    bind {ports["accept"]} accept-proxy {tls}
    {shown}
frontend expect
    bind {ports["expect"]} {tls}
    tcp-request connection expect-proxy layer4 if {{ src {TRUSTED} }}
    {shown}
"""
    )
    argv: list[str | Path] = [program("haproxy") or "", "-db", "-f", configuration]
    yield from _ports("haproxy", ports, argv, directory)


@contextlib.contextmanager
def _nginx(directory: Path, authority: Authority) -> Iterator[Places]:
    ports = {name: Port(HOST) for name in ("real", "clear")}
    load = stream = ""
    if NGINX_STREAM.exists():
        ports["stream"] = Port(HOST)
        load = f"load_module {NGINX_STREAM};"
        stream = f"""
stream {{
    proxy_protocol_timeout 1s;
    ssl_handshake_timeout 1s;
    server {{
        listen {ports["stream"]} ssl proxy_protocol;
        ssl_certificate {authority.certificate};
        ssl_certificate_key {authority.key};
        set_real_ip_from {TRUSTED};
        return $remote_addr;
    }}
}}
"""
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"""
{load}
daemon off; master_process off;
pid {configuration.with_suffix(".pid")};
error_log stderr error;
events {{}}
http {{
    access_log off;
    client_header_timeout 1s;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; scgi_temp_path {directory};
    uwsgi_temp_path {directory};
    default_type text/plain;
    server {{
        listen {ports["real"]} ssl proxy_protocol;
        ssl_certificate {authority.certificate};
        ssl_certificate_key {authority.key};
        set_real_ip_from {TRUSTED};
        real_ip_header proxy_protocol;
        return 200 $remote_addr;
    }}
    server {{
        listen {ports["clear"]} proxy_protocol;
        return 200 $remote_addr;
    }}
}}
{stream}
"""
    )
    argv: list[str | Path] = [
        program("nginx") or "",
        "-e",
        "stderr",
        "-p",
        directory,
        "-c",
        configuration,
    ]
    yield from _ports("nginx", ports, argv, directory)


@contextlib.contextmanager
def _hitch(directory: Path, authority: Authority) -> Iterator[Places]:
    with contextlib.ExitStack() as stack:
        places: Places = {}
        for name, option in (("proxy", "proxy-proxy"), ("write", "write-proxy-v2")):
            backend = serve(BACKENDS[0], HOST, formats=_BOTH, tls=None)
            host, number = stack.enter_context(backend)
            port = Port(HOST)
            configuration = directory / f"hitch-{name}.conf"
            configuration.write_text(
                f"""
frontend = "[{HOST}]:{port.number}"
backend = "[{host}]:{number}"
pem-file = "{authority.bundle}"
{option} = on
{'user = "nobody"' if os.geteuid() == 0 else ""}
"""
            )
            argv = [program("hitch") or "", f"--config={configuration}"]
            log = configuration.with_suffix(".log")
            stack.enter_context(Process(argv, log=log, ports=[port]))
            places[f"hitch-{name}"] = port.address
        yield places


@contextlib.contextmanager
def _stunnel(directory: Path, authority: Authority) -> Iterator[Places]:
    port = Port(HOST)
    with serve(BACKENDS[0], HOST, formats=_BOTH, tls=None) as (host, number):
        configuration = directory / "stunnel.conf"
        configuration.write_text(
            f"""
foreground = yes
pid =
[probed]
accept = {port}
connect = {host}:{number}
cert = {authority.bundle}
protocol = proxy
TIMEOUTbusy = 1
"""
        )
        argv: list[str | Path] = [program("stunnel4") or "", configuration]
        log = configuration.with_suffix(".log")
        with Process(argv, log=log, ports=[port]):
            yield {"stunnel": port.address}


@contextlib.contextmanager
def _go(directory: Path, authority: Authority) -> Iterator[Places]:
    built = go_receiver(authority.root.parent)
    with contextlib.ExitStack() as stack:
        places: Places = {}
        for policy in ("require", "use"):
            port = Port(HOST)
            argv: list[str | Path] = [
                *(built, "-listen", str(port), "-policy", policy),
                *("-deadline", f"{DEADLINE:g}s"),
                *("-certificate", authority.certificate, "-key", authority.key),
            ]
            log = directory / f"go-{policy}.log"
            stack.enter_context(Process(argv, log=log, ports=[port]))
            places[f"go-{policy}"] = port.address
        yield places


def _gunicorn(name: str) -> Start:
    @contextlib.contextmanager
    def start(directory: Path, authority: Authority) -> Iterator[Places]:
        port = Port(HOST)
        tls = ("--certfile", authority.certificate, "--keyfile", authority.key)
        argv: list[str | Path] = [
            *(sys.executable, "-m", "gunicorn", "--no-control-socket"),
            *("--bind", str(port), "--proxy-protocol", "auto"),
            *("--proxy-allow-from", TRUSTED),
            # Else whoever says nothing keeps everybody else waiting.
            *("--worker-class", "gthread", "--threads", "4"),
            *(tls if name == "gunicorn-tls" else ()),
            "tests.interop.shown:app",
        ]
        log = directory / f"{name}.log"
        with Process(argv, log=log, ports=[port]):
            yield {name: port.address}

    return start


@contextlib.contextmanager
def _node(directory: Path, authority: Authority) -> Iterator[Places]:
    accepted = (word for format in _ALL for word in ("--accept", format))
    with (
        serve(BACKENDS[0], HOST, formats="magic", tls=authority.server()) as behind,
        node(
            HOST,
            behind,
            *("--trust", TRUSTED, "--as", "magic"),
            *("--deadline", str(DEADLINE), "--timeout", str(DEADLINE)),
            *accepted,
            directory=directory,
        ) as place,
    ):
        yield {"node": place}


@contextlib.contextmanager
def _uvicorn(directory: Path, authority: Authority) -> Iterator[Places]:
    place = Place(peers=(TRUSTED,), others="direct", formats=_ALL, deadline=DEADLINE)
    with serving(UVICORN[0], place, directory=directory, authority=authority) as one:
        assert not isinstance(one.address, Path)
        yield {"uvicorn": one.address}


PROGRAMS: Mapping[str, Start] = {
    "haproxy": _haproxy,
    "nginx": _nginx,
    "hitch": _hitch,
    "stunnel": _stunnel,
    "go-proxyproto": _go,
    "gunicorn": _gunicorn("gunicorn"),
    "gunicorn-tls": _gunicorn("gunicorn-tls"),
    "node": _node,
    "uvicorn": _uvicorn,
}


def _ports(
    name: str, ports: Mapping[str, Port], argv: list[str | Path], directory: Path
) -> Iterator[Places]:
    log = directory / f"{name}.log"
    with Process(argv, log=log, ports=list(ports.values())):
        yield {f"{name}-{key}": port.address for key, port in ports.items()}
