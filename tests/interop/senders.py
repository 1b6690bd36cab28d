"""Peers that prepend a preamble: how each is told to, and what it can say in it."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.interop.authority import Authority
from tests.interop.peers import (
    NGINX_STREAM,
    Address,
    Port,
    Process,
    needs,
    program,
)

__all__ = ["CHECKS", "SENDERS", "TO_UNIX", "Sender", "health", "said", "statistics"]

UNIQUE_ID = "%{+X}o%ci:%cp_%Ts_%rt"

Start = Callable[[Path, Authority, Port, Address], Process]
UnixStart = Callable[[Path, Authority, Port, Address | Path], Process]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One peer in one way of sending."""

    name: str
    needs: tuple[str, ...]
    format: str
    start: Start
    client_tls: bool = True
    """Whether what follows the preamble is TLS; else the peer has taken it off."""
    own_tls: bool = False
    """Whether TLS with the client ends at the peer, whatever follows the preamble."""
    asks_certificate: bool = False
    """Whether the peer asks for the client's certificate and verifies it."""
    tlvs: frozenset[str] = frozenset()
    """Names of the TLVs that it must send."""

    @contextlib.contextmanager
    def to(
        self, node: Address, *, directory: Path, authority: Authority
    ) -> Iterator[Address]:
        """Runs the peer in front of `node`, in the node's address family."""
        needs(*self.needs)
        port = Port(node[0])
        with self.start(directory, authority, port, node):
            yield port.address


def said(address: Address | Path) -> str:
    """The address, or a UNIX socket's path, as configurations of peers name it."""
    if isinstance(address, Path):
        return str(address)
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def statistics(directory: Path, port: Port) -> Path:
    """The UNIX socket where a HAProxy that sends answers questions."""
    return directory / f"haproxy-{port.number}.sock"


def health(socket_path: Path) -> str:
    """What HAProxy's last health check of its node came to: L6OK is TLS done."""
    with socket.socket(socket.AF_UNIX) as asked:
        asked.settimeout(5)
        try:
            asked.connect(str(socket_path))
        except (FileNotFoundError, ConnectionRefusedError):
            # HAProxy begins to answer here after it has begun to listen for clients.
            return ""
        asked.sendall(b"show stat\n")
        answer = b"".join(iter(lambda: asked.recv(65536), b"")).decode()
    rows = csv.DictReader(answer.lstrip("# ").splitlines())
    (row,) = (row for row in rows if row["svname"] == "node")
    return str(row["check_status"])


def _haproxy(frontend: str, server: str, *, lines: str = "") -> UnixStart:
    def start(
        directory: Path, authority: Authority, port: Port, node: Address | Path
    ) -> Process:
        files = {"bundle": authority.bundle, "root": authority.root}
        configuration = directory / f"haproxy-{port.number}.cfg"
        configuration.write_text(
            f"""
global
    nbthread 1
    stats socket {statistics(directory, port)}
defaults
    mode tcp
    retries 0
    timeout connect 5s
    timeout check 5s
    timeout client 10s
    timeout server 10s
listen sender
    bind {port} {frontend.format_map(files)}
    {lines}
    server node {said(node)} {server.format_map(files)}
"""
        )
        return Process(
            [program("haproxy") or "", "-db", "-f", configuration],
            log=configuration.with_suffix(".log"),
            ports=[port],
        )

    return start


def _nginx(directory: Path, authority: Authority, port: Port, node: Address) -> Process:
    configuration = directory / f"nginx-{port.number}.conf"
    configuration.write_text(
        f"""
load_module {NGINX_STREAM};
daemon off; master_process off;
pid {configuration.with_suffix(".pid")};
error_log stderr notice;
events {{}}
stream {{
    server {{
        listen {port};
        proxy_pass {said(node)};
        proxy_protocol on;
    }}
}}
"""
    )
    return Process(
        [program("nginx") or "", "-e", "stderr", "-p", directory, "-c", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    )


def _stunnel(
    directory: Path, authority: Authority, port: Port, node: Address
) -> Process:
    configuration = directory / f"stunnel-{port.number}.conf"
    # stunnel wants an IPv6 address without brackets.
    configuration.write_text(
        f"""
foreground = yes
pid =
[sender]
accept = {port.host}:{port.number}
connect = {node[0]}:{node[1]}
cert = {authority.bundle}
protocol = proxy
"""
    )
    return Process(
        [program("stunnel4") or "", configuration],
        log=configuration.with_suffix(".log"),
        ports=[port],
    )


def _hitch(option: str) -> Start:
    def start(
        directory: Path, authority: Authority, port: Port, node: Address
    ) -> Process:
        # It refuses to work as root, and reads the certificate before it steps down.
        user = ["--user=nobody"] if os.geteuid() == 0 else []
        host, number = node
        return Process(
            [
                program("hitch") or "",
                *user,
                f"--frontend=[{port.host}]:{port.number}",
                f"--backend=[{host}]:{number}",
                option,
                "--alpn-protos=http/1.1",
                authority.bundle,
            ],
            log=directory / f"hitch-{port.number}.log",
            ports=[port],
        )

    return start


SENDERS = (
    Sender(
        name="haproxy-v1",
        needs=("haproxy",),
        format="proxy1",
        start=_haproxy("", "send-proxy"),
    ),
    Sender(
        name="haproxy-v2",
        needs=("haproxy",),
        format="proxy2",
        start=_haproxy("", "send-proxy-v2"),
    ),
    Sender(
        name="haproxy-v2-crc",
        needs=("haproxy",),
        format="proxy2",
        start=_haproxy(
            "",
            "send-proxy-v2 proxy-v2-options crc32c,unique-id",
            lines=f"unique-id-format {UNIQUE_ID}",
        ),
        tlvs=frozenset({"CRC32C", "UNIQUE_ID"}),
    ),
    Sender(
        name="haproxy-v2-ssl",
        needs=("haproxy",),
        format="proxy2",
        start=_haproxy(
            "ssl crt {bundle} alpn http/1.1 verify required ca-file {root}",
            "ssl verify required ca-file {root} sni ssl_fc_sni verifyhost shop.example"
            " send-proxy-v2 proxy-v2-options"
            " crc32c,authority,unique-id,ssl,cert-cn,ssl-cipher,cert-sig,cert-key",
            lines=f"unique-id-format {UNIQUE_ID}",
        ),
        own_tls=True,
        asks_certificate=True,
        tlvs=frozenset({"CRC32C", "UNIQUE_ID", "AUTHORITY", "SSL", "ALPN"}),
    ),
    Sender(
        name="nginx-v1",
        needs=("nginx", "nginx-stream"),
        format="proxy1",
        start=_nginx,
    ),
    Sender(
        name="stunnel-v1",
        needs=("stunnel",),
        format="proxy1",
        start=_stunnel,
        client_tls=False,
        own_tls=True,
    ),
    Sender(
        name="hitch-v1",
        needs=("hitch",),
        format="proxy1",
        start=_hitch("--write-proxy-v1"),
        client_tls=False,
        own_tls=True,
    ),
    Sender(
        name="hitch-v2",
        needs=("hitch",),
        format="proxy2",
        start=_hitch("--write-proxy-v2"),
        client_tls=False,
        own_tls=True,
        tlvs=frozenset({"ALPN", "AUTHORITY", "SSL"}),
    ),
)

TO_UNIX = _haproxy("", "send-proxy-v2")
"""A peer that reaches its node through a UNIX socket as well."""

CHECKS = {
    "proxy1": _haproxy("", "send-proxy check check-send-proxy inter 5s"),
    "proxy2": _haproxy("", "send-proxy-v2 check check-send-proxy inter 5s"),
    "proxy2-tls": _haproxy(
        "",
        "send-proxy-v2 check check-send-proxy inter 5s check-ssl verify required"
        " ca-file {root} check-sni shop.example verifyhost shop.example",
    ),
}
"""Peers that look by themselves, again and again, whether their node is well."""
