"""The clients: Python's ssl, curl and openssl, and one who lies about himself."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterable, Iterator

from sslmagic import Endpoint
from sslmagic_cli.demo.authority import NAME, Authority

__all__ = [
    "CLIENT",
    "PATIENCE",
    "SPOOFER",
    "Visit",
    "attempt",
    "client_hello",
    "exchange",
    "others",
    "visit",
]

CLIENT = "127.0.0.9"
"""Where honest clients connect from: on Linux all of 127.0.0.0/8 is this machine."""
SPOOFER = "127.0.0.66"
"""Where the other one connects from."""

PATIENCE = 10.0
"""Seconds that any one step may take."""

_REQUEST = f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request over TLS, its certificate verified, and what the backend answered."""

    program: str
    local: Endpoint | None
    """The client's own address; None if the program does not tell its port."""
    version: str
    """The TLS version."""
    seen: Endpoint | None
    """Whom the backend saw; None if it did not answer."""

    @property
    def is_seen(self) -> bool:
        """Whether the backend saw the client's own address."""
        if self.seen is None:
            return False
        if self.local is None:
            return self.seen.host == CLIENT
        return self.seen == self.local


def visit(address: Endpoint, authority: Authority) -> Visit:
    """Ask the server at *address* with Python's own ssl module."""
    with socket.create_connection(address, PATIENCE, (CLIENT, 0)) as plain:
        local = Endpoint(*plain.getsockname()[:2])
        version, answer = "", b""
        # Who gets no answer shows it by what is missing.
        with (
            contextlib.suppress(OSError),
            authority.client.wrap_socket(plain, server_hostname=NAME) as stream,
        ):
            version = stream.version() or ""
            stream.sendall(_REQUEST)
            answer = b"".join(iter(lambda: stream.recv(65536), b""))
        return Visit(
            program="Python ssl", local=local, version=version, seen=_seen(answer)
        )


def others(address: Endpoint, authority: Authority) -> Iterator[Visit]:
    """Ask it with curl and with openssl, where they are installed."""
    if curl := shutil.which("curl"):
        yield _curl(curl, address, authority)
    if openssl := shutil.which("openssl"):
        yield _openssl(openssl, address, authority)


def client_hello(authority: Authority) -> bytes:
    """Return the first octets of a TLS client, to be sent by other means."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.client.wrap_bio(incoming, outgoing, server_hostname=NAME)
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def attempt(
    address: Endpoint, octets: bytes, *, source: str, patience: float = PATIENCE
) -> int | None:
    """Send *octets* and return how many came back until the end.

    None means that the connection did not end in *patience* seconds: nobody was
    refused.
    """
    with socket.create_connection(address, patience, (source, 0)) as stream:
        received = 0
        try:
            stream.sendall(octets)
            while part := stream.recv(65536):
                received += len(part)
        except TimeoutError:
            return None
        except ConnectionError:
            pass
        return received


def exchange(
    address: Endpoint, requests: Iterable[bytes]
) -> tuple[Endpoint, list[bytes]]:
    """Send requests in clear on one connection; return our address and the bodies.

    There are fewer bodies than requests if the server ended the connection before.
    """
    bodies: list[bytes] = []
    with (
        socket.create_connection(address, PATIENCE, (CLIENT, 0)) as stream,
        stream.makefile("rb") as answers,
    ):
        local = Endpoint(*stream.getsockname()[:2])
        with contextlib.suppress(OSError):
            for request in requests:
                stream.sendall(request)
                length = 0
                while (line := answers.readline()) not in (b"\r\n", b""):
                    name, _, value = line.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                if not line:
                    break
                bodies.append(answers.read(length))
    return local, bodies


def _curl(program: str, address: Endpoint, authority: Authority) -> Visit:
    said = _run(
        *(program, "--silent", "--show-error", "--cacert", str(authority.root)),
        *("--interface", CLIENT, "--resolve", f"{NAME}:{address.port}:{address.host}"),
        *("--write-out", "\n%{local_ip}:%{local_port}", "--verbose"),
        f"https://{NAME}:{address.port}/",
    )
    local = re.search(r"^([\d.]+:\d+)$", said, re.MULTILINE)
    return Visit(
        program="curl",
        local=Endpoint.parse(local[1]) if local else None,
        version=_version(said),
        seen=_seen(said.encode()),
    )


def _openssl(program: str, address: Endpoint, authority: Authority) -> Visit:
    said = _run(
        *(program, "s_client", "-connect", str(address), "-bind", f"{CLIENT}:0"),
        *("-CAfile", str(authority.root), "-verify_return_error", "-ign_eof"),
        *("-servername", NAME, "-verify_hostname", NAME),
        given=_REQUEST.decode(),
    )
    return Visit(
        program="openssl", local=None, version=_version(said), seen=_seen(said.encode())
    )


def _run(*command: str, given: str = "") -> str:
    ended = subprocess.run(
        command,
        check=False,
        input=given,
        timeout=PATIENCE,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return ended.stdout


def _version(said: str) -> str:
    version = re.search(
        r"TLSv1\.[0-3]", said.partition("SSL connection using")[2] or said
    )
    return version[0] if version else ""


def _seen(answer: bytes) -> Endpoint | None:
    body = re.search(rb'^\{"client".*\}', answer, re.MULTILINE)
    return Endpoint.parse(json.loads(body[0])["client"]) if body else None
