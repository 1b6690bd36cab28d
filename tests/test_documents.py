"""The documents lead where they say, and leave out no server."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.interop.peers import Port, Process, needs
from tests.interop.serving.claims import CLAIMS, LISTED
from tests.sources import PROJECT, servers

README = (PROJECT / "README.md").read_text("utf-8")
DOCUMENTS = sorted((PROJECT / "docs").glob("*.md"))
SERVERS = (PROJECT / "docs" / "servers.md").read_text("utf-8")


def name(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_the_links_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)]+)", text):
        target, _, heading = link.partition("#")
        found = page.parent / target if target else page
        assert found.exists(), link
        if heading:
            assert heading in headings(found), link


def headings(page: Path) -> set[str]:
    """The anchors that a page has, as forges make them of its headings."""
    lines = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_the_readme_leads_to_the_page(page: Path) -> None:
    assert f"](docs/{page.name})" in README


@pytest.mark.parametrize("page", DOCUMENTS, ids=name)
def test_python_in_a_page_is_python(page: Path) -> None:
    for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        compile(block, page.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_a_first_try_goes_as_the_page_says(tmp_path: Path) -> None:
    needs("curl", "openssl")
    section = SERVERS.partition("\n## To try it\n")[2].partition("\n## ")[0]
    (tmp_path / "examples").symlink_to(PROJECT / "examples")
    with contextlib.ExitStack() as ending:
        free = {
            shown: ending.enter_context(contextlib.closing(Port()))
            for shown in ("8443", "8444")
        }
        section = re.sub("8443|8444", lambda found: str(free[found[0]].number), section)
        setting_up, clients = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
        certificate, server, gateway = setting_up.replace("\\\n", "").splitlines()
        shell(certificate, tmp_path)
        started: list[Process] = []
        for line, ready, port in (
            (server, "Application startup complete", free["8443"]),
            (gateway, "^ready ", free["8444"]),
        ):
            words = ["bash", "-c", f"cd {tmp_path} && exec {line.removesuffix(' &')}"]
            log = tmp_path / f"{len(started)}.log"
            started.append(Process(words, log=log, environment=PATH))
            ending.callback(started[-1].close)
            started[-1].until_said(ready)
            started[-1].until(port.listens, "listened")
        through, *past = clients.splitlines()
        first = shell(through, tmp_path, check=False)
        said = [log.read_text() for log in sorted(tmp_path.glob("*.log"))]
        assert first.stdout.startswith("('127.0.0.9',"), (first.stderr, *said)
        started[0].until_said(r'127\.0\.0\.9:\d+ - "GET / HTTP/1\.1" 200')
        for line in past:
            assert not shell(line, tmp_path, check=False).stdout
        shown = re.findall(r"^    refused (.*?):\d+: (.*)$", section, re.MULTILINE)
        assert len(shown) == len(past)
        for peer, why in shown:
            started[0].until_said(rf"refused {re.escape(peer)}:\d+: {re.escape(why)}$")


PATH = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}


def shell(
    line: str, directory: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-c", line],
        cwd=directory,
        env=os.environ | PATH,
        check=check,
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_every_server_is_in_the_table() -> None:
    lines = [line for line in SERVERS.splitlines() if line.startswith("| [")]
    for module in servers():
        assert any(f"`{module}." in line for line in lines), module


def test_every_command_of_a_server_is_in_the_table() -> None:
    commands = {
        name
        for name, path in servers().items()
        if "\ndef main(" in path.read_text("utf-8")
    }
    shown = set(
        re.findall(r"^\| \[.*`sslmagic\.servers\.(\w+)`", SERVERS, re.MULTILINE)
    )
    assert shown == commands


def test_the_headers_that_are_removed_are_those_that_tests_forge() -> None:
    heading = "### Headers on a connection that had a preamble\n"
    section = SERVERS.partition(heading)[2].partition("\n#")[0]
    bullets = re.findall(r"^- .*(?:\n  .*)*", section, re.MULTILINE)
    assert tuple(re.findall(r"`([^`]+)`", "\n".join(bullets))) == LISTED
    forged = {name for name, _ in CLAIMS}
    for listed in LISTED:
        name, star, _ = listed.partition("*")
        assert any(each.startswith(name) if star else each == name for each in forged)
