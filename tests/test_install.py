"""The built wheel beside python-magic, which owns `import magic`, in both orders."""

from __future__ import annotations

import ctypes.util
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.sources import PROJECT

PYTHON_MAGIC = "python-magic==0.4.27"
PLUGIN = "twisted/plugins/sslmagic_endpoint.py"
PATIENCE = 120.0

pytestmark = pytest.mark.timeout(2 * PATIENCE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and no extra."""
    python = fresh_environment(tmp_path_factory.mktemp("bare"))
    install(python, str(wheel))
    return python


def test_the_wheel_holds_two_packages_and_no_magic(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    metadata = "-".join(wheel.name.split("-")[:2]) + ".dist-info"
    assert tops == {"sslmagic", "sslmagic_cli", "twisted", metadata}
    # A single module in the package that Twisted keeps open for others.
    theirs = [name for name in names if name.startswith("twisted/")]
    assert theirs == [PLUGIN]
    assert {"sslmagic/py.typed", "sslmagic_cli/py.typed"} <= set(names)
    assert "sslmagic/dissect/magic.lua" in names


def test_the_wheel_holds_every_source(wheel: Path) -> None:
    sources = {
        path.relative_to(root).as_posix()
        for root in (PROJECT / "magic", PROJECT / "cli")
        for path in root.rglob("*.py")
    }
    with zipfile.ZipFile(wheel) as archive:
        assert sources <= set(archive.namelist())


def test_the_source_distribution_can_be_tested(tmp_path: Path) -> None:
    with tarfile.open(built("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    pages = {"LICENSE", "Makefile", "README.md", "CHANGELOG.md", "pyproject.toml"}
    assert pages | {"tests/test_install.py", "magic/sslmagic/__init__.py"} <= names
    assert not any(name.startswith((".venv", ".git/")) for name in names)


def test_an_editable_installation_brings_the_plugin(tmp_path: Path) -> None:
    build = "import sys; from hatchling.build import build_editable as build"
    run(sys.executable, "-c", f"{build}; build(sys.argv[1])", str(tmp_path))
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        assert PLUGIN in archive.namelist()


@pytest.mark.parametrize("ours_first", [True, False], ids=["before", "after"])
def test_python_magic_beside_us(wheel: Path, tmp_path: Path, ours_first: bool) -> None:
    python = fresh_environment(tmp_path)
    both = [str(wheel), PYTHON_MAGIC]
    for requirement in both if ours_first else reversed(both):
        install(python, requirement)

    assert_python_magic_is_whole(python)
    said = run(python, "-Ic", "import sslmagic; print(*sslmagic.__all__)")
    assert "Preamble" in said.split()
    for name in ("magic", "sslmagic"):
        assert "encode" in run(python.with_name(name), "--help")

    pip(python, "uninstall", "--yes", "sslmagic")
    assert_python_magic_is_whole(python)
    assert run(python, "-Ic", SPECS).split() == ["None", "None"]


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("demo", ["demo"]),
        (
            "http",
            [
                "gateway",
                "--listen=127.0.0.1:0",
                "--node=127.0.0.1:9",
                "--protocol=http",
            ],
        ),
    ],
)
def test_a_missing_extra_is_named(bare: Path, extra: str, words: Sequence[str]) -> None:
    ended = call(bare.with_name("magic"), *words)
    assert ended.returncode == 69
    assert f"pip install 'sslmagic[{extra}]'" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


SPECS = """
from importlib.util import find_spec
print(find_spec("sslmagic"), find_spec("sslmagic_cli"))
"""

CHANGED_FILES = """
import base64, hashlib
from importlib.metadata import distribution
for file in distribution("python-magic").files:
    if file.hash is not None:
        digest = hashlib.new(file.hash.mode, file.read_binary()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != file.hash.value:
            print(file)
"""

WHERE = "from importlib.util import find_spec; print(find_spec('magic').origin)"

USE = "import magic; print(magic.from_buffer(b'%PDF-1.7\\n', mime=True))"


def assert_python_magic_is_whole(python: Path) -> None:
    assert run(python, "-Ic", CHANGED_FILES) == ""
    assert Path(run(python, "-Ic", WHERE).strip()).parts[-2:] == (
        "magic",
        "__init__.py",
    )
    if ctypes.util.find_library("magic"):
        assert run(python, "-Ic", USE).strip() == "application/pdf"
    else:
        # python-magic is a binding: without the shared library its import says so, and
        # that it does proves that the import reached it.
        with pytest.raises(AssertionError, match="failed to find libmagic"):
            run(python, "-Ic", "import magic")


def built(target: str, folder: Path) -> Path:
    run(sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder))
    (artefact,) = folder.iterdir()
    return artefact


def fresh_environment(folder: Path) -> Path:
    """The interpreter of a new environment, which our own pip serves."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder / "venv"))
    return folder / "venv" / "bin" / "python"


def install(python: Path, requirement: str) -> None:
    pip(python, "install", requirement)


def pip(python: Path, *words: str) -> None:
    options = ("--disable-pip-version-check", "--no-input", "--quiet", "--quiet")
    run(sys.executable, "-m", "pip", "--python", str(python), *options, *words)


def run(program: str | Path, *arguments: str) -> str:
    """What the program says on stdout; it must succeed."""
    ended = call(program, *arguments)
    assert ended.returncode == 0, f"{program} {' '.join(arguments)}: {ended.stderr}"
    return ended.stdout


def call(program: str | Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """How the program ended and what it said."""
    return subprocess.run(
        [str(program), *arguments],
        cwd=PROJECT,
        capture_output=True,
        check=False,
        text=True,
        timeout=PATIENCE,
    )
