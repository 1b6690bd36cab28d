"""uvicorn: its loops, TLS, workers and reload, and what it must not believe."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sslmagic import encode
from sslmagic.errors import ConfigurationError
from sslmagic.servers import uvicorn as server
from sslmagic.servers.entrance import Entrance
from tests.interop.authority import Authority
from tests.interop.client import Answer, RefusedError, ask
from tests.interop.peers import Port, Process
from tests.interop.serving.asgi_app import app
from tests.interop.serving.place import Place
from tests.interop.serving.uvicorn import VARIANTS
from tests.interop.serving.variant import _listens, serving
from tests.sources import PROJECT
from tests.sslmagic.receiving import CLIENT, LOOPBACK, PREAMBLE
from tests.sslmagic.servers.conduct import FORGED, Rule, Running, asked, kept_by

COMMAND = [sys.executable, "-m", "sslmagic.servers.uvicorn"]
TRUST = ("--trust", "127.0.0.0/8")
ASGI = "tests.interop.serving.asgi_app:app"

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)


def command(
    words: Sequence[object],
    directory: Path,
    ports: Sequence[Port] = (),
    environment: dict[str, str] | None = None,
    *,
    trust: Sequence[str] = TRUST,
) -> Process:
    argv = [*COMMAND, *trust, *map(str, words)]
    return Process(argv, log=directory / "log", ports=ports, environment=environment)


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_command_has_workers_and_tls(
    loop: str, tmp_path: Path, authority: Authority
) -> None:
    port, direct = Port(), Port()
    words = [ASGI, "--port", port.number, "--workers", 2, "--loop", loop]
    words += ["--ssl-certfile", authority.certificate, "--ssl-keyfile", authority.key]
    words += ["--direct-listen", direct, "--header", "X-Said: by-option"]
    with command(words, tmp_path, [port, direct]) as process:
        said = [asked(port.address, authority=authority) for _ in range(8)]
        second = asked(direct.address, b"", authority=authority)
        assert process.end() == 0
    assert [each["client"] for each in said] == [list(CLIENT)] * 8
    assert second["preamble"] is False


@pytest.mark.parametrize("others", ["refuse", "direct"])
def test_the_command_s_options_of_trust_hold_together(
    others: str, tmp_path: Path
) -> None:
    trusted, direct, other = "127.0.0.9", "127.0.0.10", "127.0.0.12"
    # The direct one is in the network of the trusted ones, and the other is not.
    trust = ["--trust", "127.0.0.8/30", "--direct", direct, "--others", others]
    trust += ["--preamble", "proxy2", "--preamble", "proxy1"]
    port = Port()

    def answered(source: str, format: str | None) -> Answer:
        before = b"" if format is None else encode(PREAMBLE, format)
        return ask(port.address, None, source=source, before=before)

    def refused(source: str, format: str | None) -> bool:
        with pytest.raises(RefusedError) as error:
            answered(source, format)
        return error.value.received == b""

    words = [ASGI, "--port", port.number]
    with command(words, tmp_path, [port], trust=trust):
        assert answered(trusted, "proxy2").client == CLIENT
        assert answered(trusted, "proxy1").client == CLIENT
        assert refused(trusted, "magic")
        assert refused(trusted, None)
        itself = answered(direct, None)
        assert itself.client == itself.local
        assert itself.body["preamble"] is False
        # Whoever sends no preamble by these rules has none believed either.
        with pytest.raises(RefusedError, match="400 Bad Request"):
            answered(direct, "proxy2")
        if others == "refuse":
            assert refused(other, None)
            assert refused(other, "proxy2")
        else:
            itself = answered(other, None)
            assert itself.client == itself.local
        (counters,) = answered(trusted, "proxy2").body["counters"]
    foreign = {"refused_peer": 2} if others == "refuse" else {}
    assert counters == {
        "accepted": 5 if others == "refuse" else 6,
        "direct": 2 if others == "refuse" else 3,
        "refused_format": 2,
        **foreign,
    }


def test_the_command_reloads(tmp_path: Path) -> None:
    directory = tmp_path / "watched"
    directory.mkdir()
    source = directory / "application.py"
    source.write_text(f"from {ASGI.partition(':')[0]} import app\nprint('first')\n")
    port = Port()
    words = ["application:app", "--port", port.number, "--reload"]
    words += ["--app-dir", directory, "--reload-dir", directory]
    root = {"PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"}
    with command(words, tmp_path, [port], root) as process:
        process.until_said("Application startup complete")
        assert asked(port.address)["client"] == list(CLIENT)
        changed = source.read_text().replace("first", "second")
        written, pause = 0.0, 0.5

        def reloaded() -> bool:
            nonlocal written, pause
            # It begins to watch some time after it began to serve, and says nothing;
            # and on a busy machine a new one takes its time until it reads.
            if time.monotonic() - written > pause:
                written, pause = time.monotonic(), pause * 2
                source.write_text(changed)
            return "second" in process.said()

        process.until(reloaded, "read the changed source")
        process.until_said(r"(?s)(Application startup complete.*){2}")
        assert asked(port.address)["client"] == list(CLIENT)
        assert process.end() == 0


def test_a_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    port = Port()
    words = [ASGI, "--port", port.number, "--workers", 2]
    with command(words, tmp_path, [port]) as process:
        process.until_said(r"(?s)(Application startup complete.*){2}")
        first = process.until_said(r"Started server process \[(\d+)\]")
        os.kill(int(first[1]), signal.SIGKILL)
        process.until_said(r"(?s)(Application startup complete.*){3}")
        said = [asked(port.address) for _ in range(8)]
        assert process.end() == 0
    assert [each["client"] for each in said] == [list(CLIENT)] * 8


def test_a_socket_that_a_dead_server_left_is_taken_over(tmp_path: Path) -> None:
    place = Place(uds=str(tmp_path / "server.sock"))
    for _ in range(2):
        with serving(VARIANTS[0], place, directory=tmp_path) as one:
            assert asked(one)["client"] == list(CLIENT)
            os.kill(one.process.pid, signal.SIGKILL)
            one.process.end()


@pytest.mark.parametrize(
    ("words", "processes"), [([], 1), (["--workers", 2], 2), (["--reload"], 1)]
)
def test_sigterm_leaves_no_file_of_its_sockets(
    words: list[object], processes: int, tmp_path: Path
) -> None:
    path, second = tmp_path / "server.sock", tmp_path / "direct.sock"
    has_parent = bool(words)
    words = [ASGI, "--uds", path, "--direct-listen", f"unix:{second}", *words]
    if "--reload" in words:
        (tmp_path / "watched").mkdir()
        words += ["--reload-dir", tmp_path / "watched"]
    with command(words, tmp_path, trust=("--trust", "unix")) as process:
        process.until_said(started(processes))
        if processes > 1:
            # A worker's end is not the server's.
            worker = process.until_said(r"Started server process \[(\d+)\]")
            os.kill(int(worker[1]), signal.SIGTERM)
            process.until_said(started(processes + 1))
        for each in (path, second):
            # It has started before it listens.
            process.until(partial(_listens, str(each)), f"listened on {each}")
        assert asked(path)["client"] == list(CLIENT)
        assert asked(second, b"")["preamble"] is False
        assert process.end() == (0 if has_parent else -signal.SIGTERM)
    assert not path.exists()
    assert not second.exists()


def started(times: int) -> str:
    return rf"(?s)(Application startup complete.*){{{times}}}"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)]
)
def test_the_file_of_a_successor_stays(number: int, code: int, tmp_path: Path) -> None:
    path, second = tmp_path / "server.sock", tmp_path / "direct.sock"
    place = Place(uds=str(path), direct_listen=(f"unix:{second}",))
    with serving(VARIANTS[0], place, directory=tmp_path) as one:
        for each in (path, second):
            each.unlink()
            with socket.socket(socket.AF_UNIX) as successor:
                successor.bind(str(each))
        os.kill(one.process.pid, number)
        assert one.process.ended() == code
    assert path.is_socket()
    assert second.is_socket()


UNPRIVILEGED = """
import os
async def app(scope, receive, send):
    await receive()
    os.chmod(os.environ["SOCKETS"], 0o555)
    if os.getuid() == 0:
        os.setuid(65534)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})
"""


def test_a_file_that_may_not_be_removed_is_no_failure(tmp_path: Path) -> None:
    """Of a server that has given up its privileges."""
    (tmp_path / "unprivileged.py").write_text(UNPRIVILEGED)
    sockets = tmp_path / "sockets"
    sockets.mkdir()
    words = ["unprivileged:app", "--app-dir", tmp_path, "--uds", sockets / "server"]
    given = {"SOCKETS": str(sockets)}
    with command(words, tmp_path, environment=given) as process:
        process.until_said(started(1))
        process.until(partial(_listens, str(sockets / "server")), "listened")
        assert process.end() == -signal.SIGTERM
        assert "Traceback" not in process.said()
        assert f"cannot remove {sockets / 'server'}: " in process.said()
    sockets.chmod(0o755)


def test_a_file_that_is_no_socket_stays(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    path.write_text("dear to somebody")
    with command([ASGI, "--uds", path], tmp_path) as process:
        assert process.ended() == 69
        assert f"cannot listen on {path}: " in process.said()
    assert path.read_text() == "dear to somebody"


def test_what_fails_later_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "server.sock"
    words = [ASGI, "--uds", path, "--direct-listen", "192.0.2.1:9"]
    with command(words, tmp_path) as process:
        assert process.ended() == 69
    assert not path.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"proxy_headers": True}, "proxy_headers"),
        ({"forwarded_allow_ips": "*"}, "forwarded_allow_ips"),
        ({"forwarded_allow_ips": ""}, "forwarded_allow_ips"),
        ({"reset_contextvars": True}, "reset_contextvars"),
        ({"workers": 2}, "application's place"),
        ({"reload": True}, "application's place"),
        ({"direct_listen": "nowhere"}, "direct_listen"),
    ],
)
def test_what_cannot_be_had_beside_preambles(
    options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        server.run(app, trust=LOOPBACK, **options)


@pytest.mark.parametrize(
    ("words", "environment", "said"),
    [
        (["--proxy-headers"], {}, "proxy_headers"),
        (["--forwarded-allow-ips", "10.0.0.1"], {}, "forwarded_allow_ips"),
        ([], {"FORWARDED_ALLOW_IPS": "*"}, "environment's FORWARDED_ALLOW_IPS"),
        ([], {"UVICORN_PROXY_HEADERS": "1"}, "proxy_headers"),
        (["--trust", "0.0.0.0/0"], {}, "anybody"),
    ],
)
def test_the_command_says_what_cannot_be_had(
    words: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    with command([ASGI, *words], tmp_path, environment=environment) as process:
        assert process.ended() == 78
        line = process.said()
    assert line.startswith("magic: ")
    assert line.count("\n") == 1
    assert said in line


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--nonsense"], 2, "No such option"),
        (["--workers", "many", ASGI], 2, "many"),
        ([], 2, "APP"),
        (["--version"], 0, "Running uvicorn"),
        (["--direct-listen", "192.0.2.1:9", "--port", "0", ASGI], 69, "192.0.2.1:9"),
        (["--ssl-certfile", "c.pem", "--workers", "2", ASGI], 78, "TLS with c.pem: "),
        (["--ssl-keyfile", "k.pem", ASGI], 78, "TLS with k.pem: "),
    ],
)
def test_the_command_ends_as_uvicorns_or_says_what_cannot_be_had(
    words: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        server.main([*TRUST, *words])
    assert ended.value.code == code
    assert said in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.1"], "cannot listen on 192.0.2.1, port 8000: "),
        (["--uds", "/nowhere/x"], "cannot listen on /nowhere/x: "),
    ],
)
def test_the_command_says_which_address_cannot_be_had(
    words: list[str], said: str, tmp_path: Path
) -> None:
    """In a process of its own: uvicorn leaves the socket open."""
    with command([ASGI, *words], tmp_path) as process:
        assert process.ended() == 69
        assert f"magic: {said}" in process.said()


def test_a_file_of_the_environment_turns_nothing_on(tmp_path: Path) -> None:
    (tmp_path / "environment").write_text("FORWARDED_ALLOW_IPS=*\n")
    words = [ASGI, "--env-file", tmp_path / "environment"]
    with command(words, tmp_path) as process:
        assert process.ended() == 78
        assert "environment's FORWARDED_ALLOW_IPS" in process.said()


def test_its_own_forwarding_may_be_switched_off_in_words(tmp_path: Path) -> None:
    port = Port()
    words = [ASGI, "--port", port.number, "--no-proxy-headers"]
    with command(words, tmp_path, [port]):
        assert asked(port.address, request=FORGED)["client"] == list(CLIENT)


def test_an_application_that_does_not_start_ends_it(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text(
        "async def app(scope, receive, send):\n"
        "    if scope['type'] == 'lifespan':\n"
        "        await receive()\n"
        "        await send({'type': 'lifespan.startup.failed', 'message': 'no'})\n"
    )
    words = ["broken:app", "--app-dir", tmp_path, "--port", 0]
    with command(words, tmp_path) as process:
        process.until_said("Application startup failed")
        assert process.ended() == 3


def test_a_scope_without_its_connection_is_an_error_and_no_guess() -> None:
    """The application that uvicorn gets refuses to serve outside of a context."""
    config = server.Config(app, entrance=Entrance(LOOPBACK), log_config=None)
    config.load()

    async def call() -> None:
        scope: dict[str, Any] = {"type": "http", "client": CLIENT, "headers": []}
        nothing: Any = None
        await config.loaded_app(scope, nothing, nothing)

    with pytest.raises(RuntimeError, match="context"):
        call().send(None)
