"""gunicorn: its own workers, each of which takes preambles off once it is forked."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from sslmagic import Preamble, encode
from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Command
from sslmagic.servers import gunicorn
from sslmagic.servers.entrance import Entrance
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Port, Process
from tests.interop.serving.gunicorn import VARIANTS
from tests.interop.serving.wsgi_app import app
from tests.sslmagic.receiving import CLIENT, LOOPBACK, OCTETS, PATIENCE, ended
from tests.sslmagic.servers.conduct import Rule, Running, asked, kept_by
from tests.sslmagic.servers.streams import streams

COMMAND = [sys.executable, "-m", "sslmagic.servers.gunicorn", "--no-control-socket"]
TRUST = ("--trust", "127.0.0.0/8", "--trust", "::1", "--trust", "unix")
LOCAL = encode(Preamble(command=Command.LOCAL), "magic")
APPS = "tests.sslmagic.servers.request_app"
ASGI = f"{APPS}:asgi"
WORKERS: Mapping[str, Sequence[str]] = {
    "sync": ["-k", "sync", f"{APPS}:wsgi"],
    "gthread": ["-k", "gthread", "--threads", "2", f"{APPS}:wsgi"],
    "asgi": ["-k", "asgi", "--asgi-loop", "asyncio", ASGI],
    "asgi-uvloop": ["-k", "asgi", "--asgi-loop", "uvloop", ASGI],
    "uvicorn": ["-k", "uvicorn_worker.UvicornWorker", ASGI],
    "uvicorn-h11": ["-k", "uvicorn_worker.UvicornH11Worker", ASGI],
}
HTTP2 = ("gthread", "asgi", "asgi-uvloop")
"""Those of them that speak it."""
WHO = list(CLIENT)

each_variant = pytest.mark.parametrize("variant", VARIANTS, ids=lambda one: one.name)
each_worker = pytest.mark.parametrize("worker", WORKERS)


class Master(Process):
    """One whose workers end with it at once, where no test asks how they end.

    A worker of ASGI looks once a second whether it is to end.
    """

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)
            for worker in _children(self.pid):
                os.kill(worker, signal.SIGKILL)
        super().close()


def command(
    words: Sequence[object],
    directory: Path,
    ports: Sequence[Port] = (),
    **environment: str,
) -> Process:
    """The command with these words, once it listens on all of these ports."""
    argv = [*COMMAND, *TRUST, *map(str, words)]
    log = directory / "log"
    return Master(argv, log=log, ports=ports, environment=environment)


def booted(process: Process, number: int) -> set[int]:
    """The workers, once so many have been started."""
    pattern = r"Booting worker with pid: (\d+)"
    process.until(
        lambda: len(re.findall(pattern, process.said())) >= number,
        f"booted {number} workers",
    )
    return {int(pid) for pid in re.findall(pattern, process.said())}


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


OVERRIDING = (
    f"GET /path HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n"
    "X-Forwarded-Proto: http\r\nX-Forwarded-Ssl: off\r\nX-Forwarded-Protocol: tcp\r\n"
    "SCRIPT_NAME: /path\r\nPATH_INFO: /other\r\nREMOTE_USER: root\r\n"
    "REMOTE_ADDR: 6.6.6.6\r\n\r\n"
).encode()


@each_worker
def test_no_header_overrides_what_is_known(
    worker: str, tmp_path: Path, authority: Authority
) -> None:
    port, second = Port(), Port()
    words = ["-b", port, "--direct-listen", second, *WORKERS[worker]]
    words += ["--certfile", authority.certificate, "--keyfile", authority.key]
    if worker in HTTP2:
        words += ["--http-protocols", "h2,h1"]
    # gunicorn would believe a peer whose name is a str, as that of nobody is.
    nobody = None if ASGI in WORKERS[worker] else ["", None]
    with command(words, tmp_path, [port, second]):
        for before, client in ((OCTETS, WHO), (LOCAL, nobody)):
            said = asked(port.address, before, request=OVERRIDING, authority=authority)
            assert _client(said) == client
            assert _overridden(said) == set()
            if worker in HTTP2:
                # A pseudo-header is one as well.
                (said,) = streams(
                    port.address, authority, before=before, number=1, scheme="http"
                )
                assert said["scheme"] == "https"
        direct = asked(second.address, b"", request=OVERRIDING, authority=authority)
    assert direct["client"][0] == "127.0.0.1"
    assert _overridden(direct) == set()


@each_worker
def test_unix_sockets_believe_no_header_either(worker: str, tmp_path: Path) -> None:
    path = tmp_path / "app.sock"
    words = ["-b", f"unix:{path}", *WORKERS[worker]]
    with command(words, tmp_path) as process:
        booted(process, 1)
        said = asked(path, request=OVERRIDING)
    assert _client(said) == WHO
    assert said["scheme"] == "http"
    assert said["path"] == "/path"


@each_worker
def test_workers_are_replaced_on_sighup_and_end_on_sigterm(
    worker: str, tmp_path: Path
) -> None:
    port, second = Port(), Port()
    words = ["-w", 2, "-b", port, "--direct-listen", second, *WORKERS[worker]]
    with command(words, tmp_path, [port, second]) as process:
        before = booted(process, 2)
        assert asked(port.address)["pid"] in before
        os.kill(process.pid, signal.SIGHUP)
        booted(process, 4)
        process.until(lambda: not before & _children(process.pid), "ended the others")
        said = asked(port.address)
        assert said["pid"] not in before
        assert _client(said) == WHO
        assert asked(second.address, b"")["client"][0] == "127.0.0.1"
        assert process.end() == 0


@each_worker
def test_a_worker_that_has_served_enough_is_replaced(
    worker: str, tmp_path: Path
) -> None:
    port = Port()
    words = ["-b", port, "--max-requests", 1, "--preload", *WORKERS[worker]]
    with command(words, tmp_path, [port]) as process:
        first = asked(port.address)
        booted(process, 2)
        process.until(
            lambda: first["pid"] not in _children(process.pid), "ended the first"
        )
        second = asked(port.address)
    assert first["pid"] != second["pid"]
    assert _client(first) == _client(second) == WHO


# UvicornWorker says that it reloads and goes on, with or without us.
@pytest.mark.parametrize("worker", ["sync", "gthread", "asgi", "asgi-uvloop"])
def test_it_reloads_an_application_that_changes(worker: str, tmp_path: Path) -> None:
    port, place = Port(), tmp_path / "changing.py"
    place.write_text(f"from {APPS} import asgi, wsgi\n")
    os.utime(place, (1, 1))
    *options, where = WORKERS[worker]
    words = ["-b", port, "--reload", "--reload-engine", "poll", *options]
    words += ["--pythonpath", tmp_path, f"changing:{where.partition(':')[2]}"]
    with command(words, tmp_path, [port]) as process:
        first = asked(port.address)

        def noticed() -> bool:
            # It looks once a second, and what it saw first was when it started.
            place.touch()
            return "Worker reloading" in process.said()

        process.until(noticed, "noticed")
        booted(process, 2)
        second = asked(port.address)
    assert first["pid"] != second["pid"]
    assert _client(second) == WHO


def test_a_new_master_takes_the_sockets_over(tmp_path: Path) -> None:
    port, second, file = Port(), Port(), tmp_path / "pid"
    words = ["-b", port, "--direct-listen", second, "-p", file, *WORKERS["sync"]]
    with command(words, tmp_path, [port, second]) as process:
        booted(process, 1)
        os.kill(process.pid, signal.SIGUSR2)
        renewed = Path(f"{file}.2")
        process.until(lambda: renewed.exists() and renewed.read_text(), "executed")
        master = int(renewed.read_text())
        watched = os.pidfd_open(master)
        try:
            booted(process, 2)
            assert process.end() == 0
            assert _client(asked(port.address)) == WHO
            assert asked(second.address, b"")["client"][0] == "127.0.0.1"
        finally:
            signal.pidfd_send_signal(watched, signal.SIGTERM)
            os.close(watched)


HOOKS = """
import ssl

bind = {bind!r}
accesslog = "-"

def post_fork(server, worker):
    server.log.info("own post_fork, %s", type(worker.sockets[0].sock).__name__)

def post_worker_init(worker):
    worker.log.info("own post_worker_init")

def ssl_context(config, factory):
    context = factory()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
"""


@each_worker
def test_a_configuration_file_keeps_its_hooks(
    worker: str, tmp_path: Path, authority: Authority
) -> None:
    port, file = Port(), tmp_path / "gunicorn.conf.py"
    file.write_text(HOOKS.format(bind=str(port)))
    words = ["-c", file, "--certfile", authority.certificate, *WORKERS[worker]]
    words += ["--keyfile", authority.key]
    with command(words, tmp_path, [port]) as process:
        assert _client(asked(port.address, authority=authority)) == WHO
        process.until_said("own post_fork, socket$")
        process.until_said("own post_worker_init")
        process.until_said(r"^203\.0\.113\.9")


def test_the_environment_has_options_of_its_own(tmp_path: Path) -> None:
    port = Port()
    given = f"--bind {port} --access-logfile -"
    words = WORKERS["gthread"]
    with command(words, tmp_path, [port], GUNICORN_CMD_ARGS=given) as process:
        assert _client(asked(port.address)) == WHO
        process.until_said(r"^203\.0\.113\.9")


@pytest.mark.parametrize(
    ("words", "environment", "file", "said"),
    [
        (["--forwarded-allow-ips=*"], {}, "", "forwarded_allow_ips"),
        (["--forwarder-headers", "REMOTE_USER"], {}, "", "forwarder_headers"),
        (["--proxy-protocol=v1"], {}, "", "proxy_protocol"),
        (["--proxy-allow-from=*"], {}, "", "proxy_allow_ips"),
        (["-k", "gevent"], {}, "", "gevent"),
        (["--protocol", "uwsgi"], {}, "", "uwsgi"),
        ([], {"FORWARDED_ALLOW_IPS": "*"}, "", "FORWARDED_ALLOW_IPS"),
        ([], {"PROXY_ALLOW_FROM": "*"}, "", "PROXY_ALLOW_FROM"),
        ([], {"GUNICORN_CMD_ARGS": "--proxy-protocol v1"}, "", "proxy_protocol"),
        ([], {}, "secure_scheme_headers = {'A': 'b'}", "secure_scheme_headers"),
        ([], {}, "forwarded_allow_ips = '127.0.0.1,::1'", "forwarded_allow_ips"),
        (["--bind", "fd://0", "--direct-listen", "127.0.0.1:1"], {}, "", "bound"),
    ],
)
def test_what_cannot_be_had_is_refused(
    words: list[str],
    environment: dict[str, str],
    file: str,
    said: str,
    tmp_path: Path,
) -> None:
    place = tmp_path / "gunicorn.conf.py"
    place.write_text(file)
    ended = subprocess.run(
        [*COMMAND, *TRUST, "-c", place, "-b", "127.0.0.1:0", *words, f"{APPS}:wsgi"],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        env={**os.environ, **environment},
    )
    assert ended.returncode == 78
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_reload_that_turns_it_on_ends_it(tmp_path: Path) -> None:
    port, file = Port(), tmp_path / "gunicorn.conf.py"
    file.write_text("")
    words = ["-c", file, "-b", port, *WORKERS["sync"]]
    with command(words, tmp_path, [port]) as process:
        booted(process, 1)
        file.write_text("forwarded_allow_ips = '*'")
        os.kill(process.pid, signal.SIGHUP)
        process.until_said("ConfigurationError: forwarded_allow_ips")
        process.until_said("Worker exiting")


def test_settings_that_gunicorn_has_not_are_mistakes() -> None:
    with pytest.raises(TypeError, match="binds"):
        gunicorn.run(app, trust=LOOPBACK, binds="127.0.0.1:0")


def test_run_raises_what_the_command_prints() -> None:
    with pytest.raises(ConfigurationError, match="proxy_protocol"):
        gunicorn.run(app, trust=LOOPBACK, proxy_protocol="v2")


def test_options_of_run_override_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "settings.py"
    file.write_text("workers = 3\nthreads = 3\n")
    seen: list[gunicorn.Application] = []
    monkeypatch.setattr(gunicorn.Application, "run", lambda one: seen.append(one))
    monkeypatch.setattr(sys, "path", [*sys.path])  # gunicorn adds to it
    gunicorn.run(app, trust=LOOPBACK, config=str(file), workers=2)
    assert seen[0].cfg.workers == 2
    assert seen[0].cfg.threads == 3
    assert seen[0].cfg.proc_name == "gunicorn"


def test_silent_clients_of_tls_end_as_gunicorn_ends_them(
    tmp_path: Path, authority: Authority
) -> None:
    # A preamble and no ClientHello: one worker that waits for it has other threads.
    port, file = Port(), tmp_path / "gunicorn.conf.py"
    # It is 5 s, and no setting.
    file.write_text(
        "from gunicorn.workers import gthread\n"
        "assert gthread.DEFAULT_WORKER_DATA_TIMEOUT\n"
        "gthread.DEFAULT_WORKER_DATA_TIMEOUT = 0.2\n"
    )
    words = ["-c", file, "-b", port, "--keep-alive", 1, *WORKERS["gthread"]]
    words += ["--certfile", authority.certificate, "--keyfile", authority.key]
    with (
        command(words, tmp_path, [port]),
        socket.create_connection(port.address, PATIENCE) as silent,
    ):
        silent.sendall(OCTETS)
        assert _client(asked(port.address, authority=authority)) == WHO
        assert ended(silent)


def test_a_client_that_is_gone_after_its_preamble_ends_no_worker(
    tmp_path: Path, authority: Authority
) -> None:
    port = Port()
    words = ["-b", port, *WORKERS["sync"]]
    words += ["--certfile", authority.certificate, "--keyfile", authority.key]
    with command(words, tmp_path, [port]) as process:
        (pid,) = booted(process, 1)
        for _ in range(20):
            with socket.create_connection(port.address, PATIENCE) as gone:
                gone.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"
                )
                gone.sendall(OCTETS)
        said = asked(port.address, authority=authority)
        assert said["pid"] == pid
        assert "Traceback" not in process.said()


def test_the_application_is_gunicorns_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    one = gunicorn.Application(Entrance(LOOPBACK), [f"{APPS}:wsgi", "--workers", "4"])
    assert one.cfg.workers == 4
    assert one.app_uri == f"{APPS}:wsgi"


def _client(said: dict[str, Any]) -> Any:
    client = said["client"]
    if client and isinstance(client[1], str):
        return [client[0], int(client[1])]
    return client


def _overridden(said: dict[str, Any]) -> set[str]:
    """What a request says that is not so."""
    so = {"scheme": "https", "path": "/path", "root": "", "user": None}
    return {name for name, value in so.items() if said[name] != value}


def _children(pid: int) -> set[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return {int(child) for child in path.read_text().split()}
