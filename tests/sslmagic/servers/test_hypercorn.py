"""hypercorn: its own supervisor and workers, each of which takes preambles off."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import hypercorn.__main__
import hypercorn.asyncio.run
import hypercorn.run
import pytest

from sslmagic import Preamble, encode
from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Command
from sslmagic.servers import hypercorn as server
from tests.interop.authority import Authority
from tests.interop.peers import Port, Process
from tests.interop.serving.asgi_app import app
from tests.interop.serving.hypercorn import VARIANTS
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant, serving
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    PATIENCE,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by

COMMAND = [sys.executable, "-m", "sslmagic.servers.hypercorn"]
TRUST = ("--trust", "127.0.0.0/8", "--trust", "::1")
ASGI = "tests.interop.serving.asgi_app:app"
WSGI = "tests.interop.serving.wsgi_app:app"
WHERE = "tests.sslmagic.servers.request_app:asgi"
LOCAL = encode(Preamble(command=Command.LOCAL), "magic")
LOOPS = ("asyncio", "uvloop")

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)


def command(words: Sequence[object], directory: Path, ports: Sequence[Port]) -> Process:
    """The command with these words, once it listens on all of these ports."""
    argv = [*COMMAND, *TRUST, *map(str, words)]
    return Process(argv, log=directory / "log", ports=ports)


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@each_variant
def test_ipv6_sockets_serve_clients_of_any_kind(
    variant: Variant, tmp_path: Path
) -> None:
    with serving(variant, Place(host="::1"), directory=tmp_path) as one:
        assert asked(one)["client"] == list(CLIENT)
        nobody = asked(one, LOCAL)
    assert nobody["client"] is None
    assert nobody["peer"].startswith("[::1]:")


@pytest.mark.parametrize("loop", LOOPS)
def test_wsgi_applications_learn_their_client(loop: str, tmp_path: Path) -> None:
    port = Port()
    words = ["--bind", port, "--worker-class", loop, WSGI]
    with command(words, tmp_path, [port]):
        said = asked(port.address, request=FORGED)
        nobody = asked(port.address, LOCAL)
    assert said["client"] == list(CLIENT)
    assert said["preamble"] is True
    assert said["claims"] == []
    assert nobody["client"] == ""


@pytest.mark.parametrize("loop", LOOPS)
def test_the_command_has_several_addresses_of_each_kind(
    loop: str, tmp_path: Path, authority: Authority
) -> None:
    ports = secure, other, clear, second = Port(), Port("::1"), Port(), Port()
    words = ["-k", loop, "--bind", secure, "--bind", other, "--insecure-bind", clear]
    words += ["--direct-listen", second, ASGI, "--access-logfile", "-"]
    words += ["--certfile", authority.certificate, "--keyfile", authority.key]
    with command(words, tmp_path, ports):
        for port in (secure, other):
            said = asked(port.address, authority=authority)
            assert said["client"] == list(CLIENT)
        assert asked(clear.address)["client"] == list(CLIENT)
        said = asked(second.address, b"", authority=authority)
    assert said["client"][0] == "127.0.0.1"
    assert said["preamble"] is False


@pytest.mark.parametrize("loop", LOOPS)
def test_workers_are_replaced_on_sighup_and_end_on_sigterm(
    loop: str, tmp_path: Path
) -> None:
    port, second = Port(), Port()
    words = ["-w", 2, "-k", loop, "-b", port, "--direct-listen", second, WHERE]
    with command(words, tmp_path, [port, second]) as process:
        process.until(lambda: process.said().count("Running") == 4, "ran two workers")
        before = _children(process.pid)
        assert asked(port.address)["pid"] in before
        os.kill(process.pid, signal.SIGHUP)
        process.until(lambda: process.said().count("Running") == 8, "ran two others")
        said = asked(port.address)
        assert said["client"] == list(CLIENT)
        assert said["pid"] not in before
        assert asked(second.address, b"")["client"][0] == "127.0.0.1"
        assert process.end() == 0


def test_a_worker_that_has_served_enough_is_replaced(tmp_path: Path) -> None:
    port = Port()
    words = ["--bind", port, "--max-requests", 1, WHERE]
    with command(words, tmp_path, [port]) as process:
        first, _ = asked(port.address), asked(port.address)
        process.until(lambda: process.said().count("Running") > 1, "ran another")
        second = asked(port.address)
    assert first["pid"] != second["pid"]
    assert first["client"] == second["client"] == list(CLIENT)


def test_it_reloads_an_application_that_changes(tmp_path: Path) -> None:
    port, place = Port(), tmp_path / "changing.py"
    place.write_text(f"from {WHERE.replace(':', ' import ')} as app\n")
    os.utime(place, (1, 1))
    words = ["--reload", "--bind", port, f"{place}:app"]
    with command(words, tmp_path, [port]) as process:
        first = asked(port.address)
        place.touch()
        process.until(lambda: process.said().count("Running") > 1, "reloaded")
        second = asked(port.address)
    assert first["pid"] != second["pid"]
    assert second["client"] == list(CLIENT)


def test_a_configuration_file_is_read(tmp_path: Path) -> None:
    port, file = Port(), tmp_path / "hypercorn.toml"
    file.write_text(f'bind = "{port}"\nworker_class = "uvloop"\naccesslog = "-"\n')
    with command(["--config", file, ASGI], tmp_path, [port]) as process:
        assert asked(port.address)["client"] == list(CLIENT)
        process.until_said(r"203\.0\.113\.9:51234")


@pytest.mark.parametrize(
    "options",
    [
        {"quic_bind": "127.0.0.1:0", "certfile": "a", "keyfile": "b"},
        {"worker_class": "trio"},
        {"worker_class": "nonsense"},
        {"workers": 2},
        {"use_reloader": True},
    ],
)
def test_what_cannot_be_had_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        server.run(app, trust=LOOPBACK, bind="127.0.0.1:0", **options)


def test_a_loop_that_is_not_installed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "find_spec", lambda _name: None)
    with pytest.raises(ConfigurationError, match="uvloop"):
        server.run(app, trust=LOOPBACK, worker_class="uvloop")


def test_options_that_hypercorn_has_not_are_mistakes() -> None:
    with pytest.raises(TypeError, match="binds"):
        server.run(app, trust=LOOPBACK, binds="127.0.0.1:0")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--quic-bind", "127.0.0.1:0", ASGI], 78, "quic_bind"),
        (["--worker-class", "trio", ASGI], 78, "trio"),
        (["--nonsense", ASGI], 2, "nonsense"),
        ([], 2, "application"),
        (["--certfile", "c.pem", ASGI], 78, "certfile and keyfile: "),
        (["--keyfile", "k.pem", ASGI], 78, "certfile and keyfile: "),
        (
            ["--certfile", "c.pem", "--keyfile", "k.pem", "--workers", "2", ASGI],
            78,
            "TLS with c.pem, k.pem: ",
        ),
        (["--bind", "192.0.2.1:9", ASGI], 69, "magic: cannot listen on 192.0.2.1:9: "),
    ],
)
def test_the_command_says_what_is_wrong(words: list[str], code: int, said: str) -> None:
    ended = subprocess.run(
        [*COMMAND, *TRUST, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
    )
    assert ended.returncode == code
    assert said in ended.stderr


def test_the_seams_are_hypercorns_own() -> None:
    # The names that are replaced must be the ones that hypercorn looks up.
    seen: list[Any] = []
    with server._replaced(hypercorn.__main__, run=seen.append):
        hypercorn.__main__.main(["a:b", "--bind", "127.0.0.1:0"])
    assert seen[0].application_path == "a:b"
    assert seen[0].bind == ["127.0.0.1:0"]
    assert vars(hypercorn.__main__)["run"] is hypercorn.run.run

    def worker(config: Any, sockets: Any) -> None:
        seen.append(sockets)
        for one in (*sockets.secure_sockets, *sockets.insecure_sockets):
            one.close()

    for loop in LOOPS:
        seen[0].worker_class, seen[0].workers = loop, 0
        replaced: dict[str, Any] = {f"{loop}_worker": worker}
        with server._replaced(hypercorn.asyncio.run, **replaced):
            hypercorn.run.run(seen[0])
    assert len(seen) == 3


def test_the_file_of_a_second_address_goes_with_its_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "direct.sock"

    def run(config: server.Config) -> int:
        sockets = config.create_sockets()
        assert path.is_socket()
        for one in (*sockets.secure_sockets, *sockets.insecure_sockets):
            one.close()
        return 0

    monkeypatch.setattr(hypercorn.run, "run", run)
    before = settled_descriptors()
    server.run(app, trust=LOOPBACK, bind="127.0.0.1:0", direct_listen=f"unix:{path}")
    assert not path.exists()
    assert open_descriptors() == before


def test_handshakes_that_fail_are_not_worth_a_word() -> None:
    loop = mock.Mock()
    server._quiet_handshakes(loop, {"exception": ssl.SSLError()})
    loop.default_exception_handler.assert_not_called()
    other = {"exception": ValueError()}
    server._quiet_handshakes(loop, other)
    loop.default_exception_handler.assert_called_once_with(other)


def _children(pid: int) -> set[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return {int(child) for child in path.read_text().split()}
