"""The listeners that `magic probe` is tried on, as an operator would set them up."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.backends import BACKENDS, serve
from tests.interop.gateway import node
from tests.interop.peers import NGINX_STREAM, PEERS, Address, Port, Process, program
from tests.interop.receivers import go_receiver
from tests.interop.serving.place import Place
from tests.interop.serving.uvicorn import VARIANTS as UVICORN
from tests.interop.serving.variant import serving

__all__ = [
    "DEADLINE",
    "HOST",
    "LISTENERS",
    "STRANGER",
    "TRUSTED",
    "Listener",
    "running",
]

HOST = "127.0.0.1"
TRUSTED = "127.0.0.9"
"""Whom a listener with a list of trusted peers has in it."""
STRANGER = "127.0.0.66"

DEADLINE = 1.0
"""Seconds, for whatever deadline a listener can be given."""

ENDLESS = 1.2
"""Seconds to wait for one that has no deadline."""

BOTH = ("proxy1", "proxy2")
ALL = ("magic", *BOTH)

Places = dict[str, Address]
Start = Callable[[Path, Authority], contextlib.AbstractContextManager[Places]]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One row of the table."""

    name: str
    setting: str
    """What of its configuration matters, as an operator writes it."""
    place: str
    """The key of its address among those of its process."""
    needs: tuple[str, ...] = ()
    source: str = TRUSTED
    """Where it is asked from."""
    patience: float = 2.5
    """Seconds to wait for who says nothing: more than its deadline, if it has one."""

    @property
    def is_here(self) -> bool:
        return all(PEERS[name].present() for name in self.needs)


LISTENERS = (
    Listener(
        name="HAProxy",
        setting="bind … ssl",
        place="haproxy-plain",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="bind … accept-proxy ssl",
        place="haproxy-accept",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="tcp-request connection expect-proxy layer4 if { src 127.0.0.9 }",
        place="haproxy-expect",
        needs=("haproxy",),
    ),
    Listener(
        name="HAProxy",
        setting="tcp-request connection expect-proxy layer4 if { src 127.0.0.9 }",
        place="haproxy-expect",
        needs=("haproxy",),
        source=STRANGER,
    ),
    Listener(
        name="nginx",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        place="nginx-real",
        needs=("nginx",),
    ),
    Listener(
        name="nginx",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        place="nginx-real",
        needs=("nginx",),
        source=STRANGER,
    ),
    Listener(
        name="nginx",
        setting="listen … proxy_protocol, without TLS and set_real_ip_from",
        place="nginx-clear",
        needs=("nginx",),
    ),
    Listener(
        name="nginx stream",
        setting="listen … ssl proxy_protocol; set_real_ip_from 127.0.0.9",
        place="nginx-stream",
        needs=("nginx", "nginx-stream"),
    ),
    Listener(
        name="hitch",
        setting="proxy-proxy, the backend believes it",
        place="hitch-proxy",
        needs=("hitch",),
        patience=ENDLESS,
    ),
    Listener(
        name="hitch",
        setting="write-proxy-v2, the backend believes it",
        place="hitch-write",
        needs=("hitch",),
        patience=ENDLESS,
    ),
    Listener(
        name="stunnel",
        setting="protocol = proxy, the backend believes it",
        place="stunnel",
        needs=("stunnel",),
    ),
    Listener(
        name="gunicorn",
        setting="--proxy-protocol auto --proxy-allow-from 127.0.0.9",
        place="gunicorn",
        patience=ENDLESS,
    ),
    Listener(
        name="gunicorn",
        setting="--proxy-protocol auto --proxy-allow-from 127.0.0.9",
        place="gunicorn",
        source=STRANGER,
        patience=ENDLESS,
    ),
    Listener(
        name="gunicorn",
        setting="the same with --certfile",
        place="gunicorn-tls",
        patience=ENDLESS,
    ),
    Listener(
        name="go-proxyproto",
        setting="Policy: REQUIRE, in front of crypto/tls",
        place="go-require",
        needs=("go", "go-proxyproto"),
    ),
    Listener(
        name="go-proxyproto",
        setting="Policy: USE, as it is without one",
        place="go-use",
        needs=("go", "go-proxyproto"),
    ),
    Listener(
        name="magic node",
        setting="--trust 127.0.0.9 --accept magic --accept proxy1 --accept proxy2",
        place="node",
    ),
    Listener(
        name="magic node",
        setting="--trust 127.0.0.9 --accept magic --accept proxy1 --accept proxy2",
        place="node",
        source=STRANGER,
    ),
    Listener(
        name="sslmagic.servers.uvicorn",
        setting="--trust 127.0.0.9 --others direct",
        place="uvicorn",
    ),
    Listener(
        name="sslmagic.servers.uvicorn",
        setting="--trust 127.0.0.9 --others direct",
        place="uvicorn",
        source=STRANGER,
    ),
)


@contextlib.contextmanager
def running(directory: Path, authority: Authority) -> Iterator[Places]:
    """Runs all of them that are here, and yields where each listens."""
    starts = [start for here, start in _STARTS.items() if _is_here(here)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(len(starts)) as pool:
        contexts = [start(directory, authority) for start in starts]
        places: Places = {}
        # Side by side, because an interpreter takes a second to be ready.
        for entered in pool.map(lambda one: stack.enter_context(one), contexts):
            places |= entered
        yield places


def _is_here(name: str) -> bool:
    needs = ("go", name) if name == "go-proxyproto" else (name,)
    return all(one not in PEERS or PEERS[one].present() for one in needs)


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
            backend = serve(BACKENDS[0], HOST, formats=BOTH, tls=None)
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
    with serve(BACKENDS[0], HOST, formats=BOTH, tls=None) as (host, number):
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
    accepted = (word for format in ALL for word in ("--accept", format))
    with (
        serve(BACKENDS[0], HOST, formats="magic", tls=authority.server()) as behind,
        node(
            HOST,
            behind,
            *("--trust", TRUSTED, "--as", "magic", "--deadline", str(DEADLINE)),
            *accepted,
            directory=directory,
        ) as place,
    ):
        yield {"node": place}


@contextlib.contextmanager
def _uvicorn(directory: Path, authority: Authority) -> Iterator[Places]:
    place = Place(peers=(TRUSTED,), others="direct", formats=ALL, deadline=DEADLINE)
    with serving(UVICORN[0], place, directory=directory, authority=authority) as one:
        assert not isinstance(one.address, Path)
        yield {"uvicorn": one.address}


_STARTS: Mapping[str, Start] = {
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
