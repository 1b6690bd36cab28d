"""The peers' programs: where they are, which version, and which package brings them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["DEBIAN", "MissingPeerError", "go_program", "program", "version"]

DEBIAN = {
    "haproxy": "haproxy",
    "nginx": "nginx libnginx-mod-stream",
    "wrk": "wrk",
    "go": "golang-go",
    "go-proxyproto": "golang-github-pires-go-proxyproto-dev",
    "strace": "strace",
    "taskset": "util-linux",
    "openssl": "openssl",
    "tshark": "tshark",
}
"""The Debian packages that bring each program."""

_GO_PATH = Path("/usr/share/gocode")
_GO_SOURCES = Path(__file__).parent / "go"
_SAYS_VERSION = {
    "haproxy": ["-v"],
    "nginx": ["-v"],
    "wrk": ["-v"],
    "go": ["version"],
    "strace": ["-V"],
    "openssl": ["version"],
    "tshark": ["--version"],
}
_DISTRIBUTIONS = ("proxy-protocol", "twisted")


class MissingPeerError(Exception):
    """A program or a library to compare with is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not installed: {DEBIAN.get(name, f'PyPI {name}')}"
            + (" (Debian)" if name in DEBIAN else "")
        )


def program(name: str) -> str:
    """Return the path of a program.

    Raises:
        MissingPeerError: it is not installed.
    """
    # Debian keeps servers where a plain user's PATH does not look.
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise MissingPeerError(name)
    return path


@cache
def version(name: str) -> str:
    """Return what a program, Go library or distribution says its version is."""
    if name in _DISTRIBUTIONS:
        return metadata.version(name)
    if name == "go-proxyproto":
        said = subprocess.run(
            ["dpkg-query", "-W", "-f", "${Version}", DEBIAN[name]],
            capture_output=True,
            text=True,
            check=False,
        )
        return said.stdout.strip() or "unknown"
    said = subprocess.run(
        [program(name), *_SAYS_VERSION[name]],
        capture_output=True,
        text=True,
        check=False,  # wrk -v ends with 1
    )
    found = re.search(r"\d+\.\d+(\.\d+)?", said.stdout + said.stderr)
    return found[0] if found else "unknown"


def go_program(name: str, directory: Path) -> Path:
    """Build benchmarks/go/*name* with Debian's Go libraries and return the program.

    Raises:
        MissingPeerError: Go or go-proxyproto is not installed.
    """
    go = program("go")
    if not (_GO_PATH / "src/github.com/pires/go-proxyproto").is_dir():
        raise MissingPeerError("go-proxyproto")
    built = directory / name
    subprocess.run(
        [go, "build", "-o", built, *sorted((_GO_SOURCES / name).glob("*.go"))],
        check=True,
        env=os.environ
        | {
            "GO111MODULE": "off",
            "GOPATH": str(_GO_PATH),
            "GOCACHE": str(directory / "go-cache"),
            "GOFLAGS": "",
        },
    )
    return built
