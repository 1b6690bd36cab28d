"""Relays that take a preamble off, and say it again to whoever is behind them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.interop.gateway import node
from tests.interop.peers import NGINX_STREAM, Address, Port, Process, program

__all__ = ["RELAYS", "Relay"]

Start = Callable[[str, str, Address, Path], contextlib.AbstractContextManager[Address]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """One that listens on our end of the link.

    A real peer refuses what it reads of a preamble before the whole is there, and
    takes a little else than we do: it gets whole and right ones.
    """

    name: str
    needs: tuple[str, ...]
    """Peers that must be installed."""
    start: Start
    """Given its own host, whom it trusts, who is behind it, and a directory."""
    most: int = 4096
    """Octets of the longest preamble that it takes."""
    takes_anything: bool = False
    """Whether it is ours, and decides as our decoder does."""


@contextlib.contextmanager
def _node(host: str, trusted: str, behind: Address, home: Path) -> Iterator[Address]:
    accept = [f"--accept={name}" for name in ("magic", "proxy1", "proxy2")]
    options = ("--trust", trusted, "--as", "proxy2", *accept)
    with node(host, behind, *options, directory=home) as address:
        yield address


@contextlib.contextmanager
def _haproxy(host: str, trusted: str, behind: Address, home: Path) -> Iterator[Address]:
    port = Port(host)
    configuration = home / f"haproxy-{port.number}.cfg"
    configuration.write_text(
        f"""
global
    nbthread 1
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen relay
    bind {host}:{port.number} accept-proxy
    server behind {behind[0]}:{behind[1]} send-proxy-v2
"""
    )
    with Process(
        [program("haproxy") or "", "-db", "-f", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    ):
        yield port.address


@contextlib.contextmanager
def _nginx(host: str, trusted: str, behind: Address, home: Path) -> Iterator[Address]:
    port = Port(host)
    configuration = home / f"nginx-{port.number}.conf"
    configuration.write_text(
        f"""
load_module {NGINX_STREAM};
events {{ worker_connections 4096; }}
stream {{
    server {{
        listen {port} proxy_protocol backlog=4096;
        set_real_ip_from {trusted};
        proxy_pass {behind[0]}:{behind[1]};
        proxy_protocol on;
    }}
}}
daemon off; master_process off;
pid {configuration.with_suffix(".pid")};
error_log stderr info;
"""
    )
    with Process(
        [program("nginx") or "", "-e", "stderr", "-p", home, "-c", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    ):
        yield port.address


RELAYS = (
    Relay(name="node", needs=(), start=_node, takes_anything=True),
    Relay(name="haproxy", needs=("haproxy",), start=_haproxy),
    Relay(name="nginx", needs=("nginx", "nginx-stream"), start=_nginx, most=107),
)
