"""What every test stands on: reproducible examples, and no process left behind."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest

# A machine that also runs HAProxy is slow at times, which is no finding. Where CI is
# set the examples are the same each time; at a desk they go on searching.
hypothesis.settings.register_profile("desk", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Commands are tested as a shell runs them: this would hide what they forget to flush.
os.environ.pop("PYTHONUNBUFFERED", None)

# Hundreds of processes import the sources, and would compile them each time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: no collector of garbage looks at it again.

    It is a million objects, at which each `gc.collect()` of a test would look for most
    of a second.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.collect()
        gc.freeze()


_SSLMAGIC = Path(__file__).parent / "sslmagic"
_COVER_THE_CORE = {
    _SSLMAGIC,
    *(_SSLMAGIC / name for name in ("wire", "anatomy", "proof")),
}
"""Where the tests are that must run every branch of the core."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Counts coverage where the core is tested, and in `test_vectors.py`.

    All others would take twice their time for branches that these run anyway: counting
    costs at every call of whatever function, also of those that are not looked at.
    """
    for item in items:
        path = item.path
        if path.parent not in _COVER_THE_CORE and path.name != "test_vectors.py":
            item.add_marker(pytest.mark.no_cover)


@pytest.fixture(autouse=True, scope="session")
def _no_process_is_left() -> Iterator[None]:
    """Fails the last test if a child is left, running or not waited for."""
    before = _children()
    yield
    left = {pid: name for pid, name in _children().items() if pid not in before}
    assert left == {}


def _children() -> dict[int, str]:
    """The direct children of this process, by pid; the kernel says so on Linux."""
    children: dict[int, str] = {}
    if os.getpid() == 1:
        # The first process of a container inherits everybody's orphans.
        return children
    for listing in Path("/proc/self/task").glob("*/children"):
        for pid in map(int, _read(listing).split()):
            command = _read(Path(f"/proc/{pid}/cmdline")).replace(b"\0", b" ")
            # Without a command line it has ended, and nobody has waited for it.
            children[pid] = command.decode(errors="replace")
    return children


def _read(path: Path) -> bytes:
    """What a file below /proc says; nothing if its thread or process has ended."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
