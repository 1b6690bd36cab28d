"""Who may import whom: every module stands on a floor and looks down only.

Below `listener` everything is octets and values, so that it runs without a socket, a
clock or an environment, and can be tested and fuzzed without them.
"""

from __future__ import annotations

import ast
import fnmatch
import graphlib
import subprocess
import sys
import tomllib

import pytest

from tests.sources import PROJECT, Source, sources

FLOORS = (
    ("preamble", "block", "address", "tlv", "crc32c", "registry", "errors"),
    ("wire", "hello"),
    ("decoder", "anatomy"),
    ("proof", "trust"),
    ("balance", "reception"),
    (
        *("layout", "listener", "sockets", "streams", "loopserver", "probe"),
        *("headers", "forwarded", "attribution", "asgi", "wsgi"),
    ),
    ("relay", "config"),
    ("control", "servers", "capture", "dissect"),
)
CLI = len(FLOORS)
PURE = FLOORS.index(("balance", "reception"))

PURE_LIBRARY = {
    "__future__",
    "abc",
    "array",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "dataclasses",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "hmac",
    "ipaddress",
    "itertools",
    "math",
    "operator",
    "re",
    "string",
    "struct",
    "types",
    "typing",
}
"""What is free of I/O, time, environment and chance. Add to it with care."""

IMPURE_CALLS = {"__import__", "eval", "exec", "input", "open", "print"}

EXTRAS = {
    "sslmagic.dissect.*": {"scapy"},
    "sslmagic.relay.http*": {"h11"},
    "sslmagic.servers.aiohttp*": {"aiohttp"},
    "sslmagic.servers.aiosmtpd": {"aiosmtpd"},
    "sslmagic.servers.cheroot*": {"cheroot"},
    "sslmagic.servers.gunicorn": {"gunicorn", "uvicorn_worker"},
    "sslmagic.servers.hypercorn": {"hypercorn"},
    "sslmagic.servers.tornado*": {"tornado"},
    "sslmagic.servers.twisted*": {"twisted", "zope"},
    "sslmagic.servers.uvicorn*": {"click", "uvicorn"},
    "sslmagic.servers.waitress": {"waitress"},
    "sslmagic.servers.websockets*": {"websockets"},
}
"""The modules that may import what an extra of pyproject.toml brings."""

COMMAND = {"click", "rich"}
COMMAND_EXTRAS = {
    "sslmagic_cli.craft.sessions": {"trustme"},
    "sslmagic_cli.demo*": {"h11", "trustme"},
    "sslmagic_cli.inspect.columns": {"pyarrow"},
}

HEAVY = {"asyncio", "h11", "multiprocessing", "rich", "socket", "ssl", "trustme"}
"""What a command that only encodes or explains itself has no time to load."""


def floor(module: str) -> int | None:
    """The floor a module of ours stands on; None if nobody gave it one."""
    package, _, rest = module.partition(".")
    if package == "sslmagic_cli":
        return CLI
    noun = rest.partition(".")[0]
    for level, nouns in enumerate(FLOORS):
        if noun in nouns:
            return level
    return None


def is_pure(source: Source) -> bool:
    level = floor(source.name)
    return source.name == "sslmagic" or (level is not None and level <= PURE)


def by_name(source: Source) -> str:
    return source.name


LIBRARY = [source for source in sources() if source.name.startswith("sslmagic.")]
CORE = [source for source in sources() if is_pure(source)]
COMMANDS = [source for source in sources() if floor(source.name) == CLI]


@pytest.mark.parametrize("source", LIBRARY, ids=by_name)
def test_a_module_stands_on_a_floor(source: Source) -> None:
    assert floor(source.name) is not None, f"{source.name} is on no floor"


@pytest.mark.parametrize("source", LIBRARY, ids=by_name)
def test_a_module_looks_down_only(source: Source) -> None:
    here = floor(source.name)
    assert here is not None
    upward = []
    for one in source.imports():
        if one.target.partition(".")[0] not in ("sslmagic", "sslmagic_cli"):
            continue
        there = floor(one.target)
        # The front page loads the whole core: whoever imports it from below imports up.
        if there is None or there > here:
            upward.append(f"{source.relative}:{one.line} imports {one.target}")
    assert upward == []


def test_the_front_page_shows_the_core_only() -> None:
    (front,) = (source for source in sources() if source.name == "sslmagic")
    floors = {one.target: floor(one.target) for one in front.imports()}
    ours = {name: level for name, level in floors.items() if name[:8] == "sslmagic"}
    assert {name for name, level in ours.items() if level is None or level > PURE} == (
        set()
    )


def test_no_two_modules_load_each_other() -> None:
    """Neither do three in a ring; to name each other's types they may."""
    known = {source.name for source in sources()}
    graph = {
        source.name: {
            one.target
            for one in source.imports()
            if one.target in known - {source.name} and not one.for_types_only
        }
        for source in sources()
    }
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("source", CORE, ids=by_name)
def test_the_core_is_octets_and_values(source: Source) -> None:
    strangers = [
        f"{source.relative}:{one.line} imports {one.target}"
        for one in source.imports()
        if one.target.partition(".")[0] not in PURE_LIBRARY | {"sslmagic"}
    ]
    assert strangers == []


@pytest.mark.parametrize("source", CORE, ids=by_name)
def test_the_core_reads_and_writes_nothing(source: Source) -> None:
    calls = [
        f"{source.relative}:{node.lineno} calls {node.func.id}"
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in IMPURE_CALLS
    ]
    assert calls == []


@pytest.mark.parametrize("source", LIBRARY, ids=by_name)
def test_the_library_needs_the_standard_library_alone(source: Source) -> None:
    allowed = {"sslmagic"} | _granted(EXTRAS, source.name)
    assert _strangers(source, allowed) == []


@pytest.mark.parametrize("source", COMMANDS, ids=by_name)
def test_the_command_needs_click_and_rich_alone(source: Source) -> None:
    ours = {"sslmagic", "sslmagic_cli"}
    allowed = ours | COMMAND | _granted(COMMAND_EXTRAS, source.name)
    assert _strangers(source, allowed) == []


def test_the_core_is_measured() -> None:
    """`make test` fails below full branch coverage of exactly these files."""
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))
    patterns = settings["tool"]["coverage"]["report"]["include"]
    measured = {
        source.name
        for source in sources()
        if any(source.relative.match(pattern) for pattern in patterns)
    }
    assert measured == {source.name for source in CORE}


def test_importing_sslmagic_loads_no_socket() -> None:
    loaded = _loaded_by("import sslmagic")
    assert "sslmagic.decoder" in loaded
    assert loaded & {"asyncio", "select", "socket", "ssl"} == set()


def test_the_command_explains_itself_without_anything_heavy() -> None:
    loaded = _loaded_by(
        "from sslmagic_cli.__main__ import main\n"
        "sys.argv = ['magic', '--help']\n"
        "try: main()\n"
        "except SystemExit: pass"
    )
    assert "click" in loaded
    assert loaded & HEAVY == set()


def _granted(table: dict[str, set[str]], module: str) -> set[str]:
    return {
        package
        for pattern, packages in table.items()
        if fnmatch.fnmatchcase(module, pattern)
        for package in packages
    }


def _strangers(source: Source, allowed: set[str]) -> list[str]:
    return [
        f"{source.relative}:{one.line} imports {one.target}"
        for one in source.imports()
        if one.target.partition(".")[0] not in sys.stdlib_module_names | allowed
    ]


def _loaded_by(code: str) -> set[str]:
    """The modules that a fresh interpreter has loaded because of `code`."""
    script = f"import sys\nbefore = set(sys.modules)\n{code}\n"
    script += "sys.stderr.write(' '.join(set(sys.modules) - before))"
    said = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        timeout=30,
    )
    return set(said.stderr.split())
