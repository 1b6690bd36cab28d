"""What TLS servers that know of no preamble answer to one.

`python -m tests.interop.wrong_port` writes the table of spec.md section 14 anew; with
`--print` it only shows it.
"""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import sys
import tempfile
import time
from pathlib import Path

from sslmagic import Preamble, encode
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Address, Port
from tests.interop.strangers.servers import STRANGERS, Stranger

__all__ = ["OPENINGS", "answer", "answers", "client_hello", "table"]

SPEC = Path(__file__).resolve().parents[2] / "spec.md"
BEGIN, END = "<!-- wrong port: begin -->\n", "<!-- wrong port: end -->\n"

PATIENCE = 3.0
"""Seconds after which a server that neither answers nor closes counts as waiting."""

ALERTS = {10: "unexpected_message", 22: "record_overflow", 40: "handshake_failure"} | {
    47: "illegal_parameter",
    50: "decode_error",
    70: "protocol_version",
    80: "internal_error",
}
CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))

OPENINGS = {
    "MAGIC": encode(CLIENT, "magic"),
    "PROXY v1": encode(CLIENT, "proxy1"),
    "PROXY v2": encode(CLIENT, "proxy2"),
}
"""What stands before the ClientHello."""


def client_hello(authority: Authority) -> bytes:
    """Return a ClientHello that the server would answer."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = authority.client().wrap_bio(incoming, outgoing, server_hostname=NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def answer(address: Address, octets: bytes) -> str:
    """Return what the server does when *octets* come in one segment."""
    said = b""
    deadline = time.monotonic() + PATIENCE
    with socket.create_connection(address, PATIENCE) as connection:
        connection.sendall(octets)
        try:
            while len(said) < 4096 and not said.startswith(b"\x16"):
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                part = connection.recv(4096)
                if not part:
                    return _words(said, "closes")
                said += part
        except TimeoutError:
            return _words(said, "waits")
        except ConnectionError:
            return _words(said, "closes")
    return _words(said, "")


def _words(said: bytes, end: str) -> str:
    if said[:1] == b"\x15" and len(said) >= 7:
        level = "fatal" if said[5] == 2 else "warning"
        words = f"{level} alert {ALERTS.get(said[6], said[6])}"
    elif said.startswith(b"\x16"):
        return "handshake"
    elif said:
        words = f"`{said.splitlines()[0].decode('ascii', 'backslashreplace')[:40]}`"
    else:
        return end
    return words if end == "closes" else f"{words}, then {end or 'goes on'}"


def answers(
    stranger: Stranger, directory: Path, authority: Authority
) -> dict[str, str]:
    """Return what one server answers to each opening, before a hello and alone."""
    hello = client_hello(authority)
    port = Port()
    with stranger.start(directory, authority, port):
        found = {"nothing": answer(port.address, hello)}
        for name, opening in OPENINGS.items():
            found[name] = answer(port.address, opening + hello)
            found[f"{name} alone"] = answer(port.address, opening)
    return found


def table() -> str:
    """Return the table of every server that is installed here."""
    rows = [
        f"| server | {' | '.join(OPENINGS)} | MAGIC, no hello behind it |",
        f"| --- |{' --- |' * (len(OPENINGS) + 1)}",
    ]
    with tempfile.TemporaryDirectory() as name:
        authority = Authority.create(Path(name) / "authority")
        for stranger in STRANGERS:
            if not stranger.is_here:
                continue
            found = answers(stranger, Path(name), authority)
            if found["nothing"] != "handshake":
                raise AssertionError(f"{stranger.name} serves no TLS: {found}")
            cells = [*(found[opening] for opening in OPENINGS), found["MAGIC alone"]]
            rows.append(f"| {stranger.title} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Measure; print the table, or put it in its place."""
    measured = table()
    if arguments == ["--print"]:
        print(measured, end="")  # noqa: T201
        return 0
    page = SPEC.read_text("utf-8")
    pattern = re.compile(f"(?<={re.escape(BEGIN)}).*(?={re.escape(END)})", re.DOTALL)
    SPEC.write_text(pattern.sub(lambda _: measured, page), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
