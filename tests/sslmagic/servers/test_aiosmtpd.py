"""aiosmtpd: its controllers, SMTPS and STARTTLS, both loops, its command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import smtplib
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP

from sslmagic import Trust
from sslmagic.errors import ConfigurationError
from sslmagic.servers.aiosmtpd import (
    Controller,
    UnixSocketController,
    UnixSocketUnthreadedController,
    UnthreadedController,
    main,
    run,
)
from tests.interop.authority import NAME, Authority
from tests.interop.peers import Port, Process
from tests.interop.serving.aiosmtpd import REQUEST, VARIANTS, Handler
from tests.sslmagic.receiving import (
    CLIENT,
    LOOPBACK,
    OCTETS,
    PATIENCE,
    ended,
    open_descriptors,
    settled_descriptors,
)
from tests.sslmagic.servers.conduct import Rule, Running, asked, kept_by

COMMAND = [sys.executable, "-m", "sslmagic.servers.aiosmtpd"]
Loops = Callable[[], asyncio.AbstractEventLoop]


class Speaker(smtplib.SMTP):
    """A client behind a gateway: its preamble goes first."""

    before = OCTETS

    def _get_socket(self, host: Any, port: Any, timeout: Any) -> socket.socket:
        stream: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        stream.sendall(self.before)
        return stream

    def seen(self) -> dict[str, Any]:
        """Whom the server sees."""
        said: dict[str, Any] = json.loads(self.docmd("NOOP")[1])
        return said


@contextmanager
def controlled(controller: Any) -> Iterator[Any]:
    controller.start()
    try:
        yield controller
    finally:
        controller.stop()


@kept_by(*VARIANTS)
def test_it_keeps_the_rules(running: Running, rule: Rule) -> None:
    rule(running)


@pytest.mark.parametrize("loops", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_the_client_stays_the_client_after_starttls(
    loops: Loops, authority: Authority
) -> None:
    port = Port()
    controller = Controller(
        Handler(),
        port.host,
        port.number,
        loops(),
        trust=LOOPBACK,
        tls_context=authority.server(),
        require_starttls=True,
    )
    with controlled(controller), Speaker(*port.address, timeout=PATIENCE) as speaker:
        assert speaker.docmd("NOOP")[0] == 250
        assert speaker.mail("a@shop.example")[0] == 530
        context = authority.client()
        context.check_hostname = False
        assert speaker.starttls(context=context)[0] == 220
        assert isinstance(speaker.sock, ssl.SSLSocket)
        assert speaker.seen()["client"] == list(CLIENT)
        assert speaker.ehlo(NAME)[0] == 250
        assert speaker.mail("a@shop.example")[0] == 250
    port.close()


def test_a_controller_starts_where_it_would_not_be_trusted() -> None:
    """aiosmtpd's own connects to itself, and would be refused or wait for itself."""
    port = Port()
    trust = Trust(peers=["192.0.2.0/24"])
    controller = Controller(Handler(), port.host, port.number, trust=trust)
    with controlled(controller):
        assert controller.smtpd is not None
        with socket.create_connection(port.address, PATIENCE) as stream:
            assert stream.recv(1) == b""
    port.close()


def test_a_controller_says_what_is_wrong_with_its_sessions() -> None:
    port = Port()
    controller = Controller(
        Sink(), port.host, port.number, trust=LOOPBACK, nonsense=True
    )
    with pytest.raises(TypeError, match="nonsense"):
        controller.start()
    controller.stop()
    port.close()


def test_a_controller_serves_smtps_and_a_second_address(authority: Authority) -> None:
    port, second = Port(), Port()
    controller = Controller(
        Handler(),
        port.host,
        port.number,
        trust=LOOPBACK,
        direct_listen=str(second),
        ssl_context=authority.server(),
    )
    with controlled(controller):
        named = asked(port.address, request=REQUEST, authority=authority)
        direct = asked(second.address, b"", request=REQUEST, authority=authority)
    assert named["client"] == list(CLIENT)
    assert direct["client"][0] == "127.0.0.1"
    port.close()
    second.close()


def test_a_controller_serves_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "smtp.sock"
    controller = UnixSocketController(Handler(), path, trust=LOOPBACK)
    with controlled(controller):
        assert asked(path, request=REQUEST)["client"] == list(CLIENT)


@pytest.mark.parametrize(
    ("kind", "begin", "end"),
    [
        (UnixSocketController, "start", "stop"),
        (UnixSocketUnthreadedController, "begin", "end"),
    ],
)
def test_its_files_go_with_a_controller(
    kind: Any, begin: str, end: str, tmp_path: Path
) -> None:
    path, second = tmp_path / "smtp.sock", tmp_path / "direct.sock"
    before = settled_descriptors()
    for _ in range(2):
        loop = asyncio.new_event_loop()
        controller: Any = kind(
            Handler(), path, loop, trust=LOOPBACK, direct_listen=f"unix:{second}"
        )
        getattr(controller, begin)()
        assert path.is_socket()
        assert second.is_socket()
        getattr(controller, end)()
        asyncio.set_event_loop(None)
        loop.close()
        assert list(tmp_path.iterdir()) == []
        assert open_descriptors() == before


def test_a_controller_without_thread_serves_on_the_callers_loop() -> None:
    port = Port()
    loop = asyncio.new_event_loop()
    controller = UnthreadedController(
        Handler(), port.host, port.number, loop, trust=LOOPBACK
    )
    controller.begin()  # type: ignore[no-untyped-call]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        assert asked(port.address, request=REQUEST)["client"] == list(CLIENT)
    finally:
        loop.call_soon_threadsafe(controller.end)
        assert controller.ended.wait(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        asyncio.set_event_loop(None)
        loop.close()
        port.close()


@pytest.mark.parametrize(
    "options",
    [
        {"proxy_protocol_timeout": 5.0},
        {"server_kwargs": {"proxy_protocol_timeout": 5.0}},
    ],
)
def test_its_own_proxy_protocol_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="proxy_protocol_timeout"):
        run(Sink(), "127.0.0.1", 0, trust=LOOPBACK, **options)


class Reading(Controller):
    """Whose sessions would read a second preamble."""

    def factory(self) -> SMTP:
        return SMTP(self.handler, proxy_protocol_timeout=5.0, **self.SMTP_kwargs)


def test_its_own_proxy_protocol_is_refused_in_a_factory() -> None:
    controller = Reading(Sink(), "127.0.0.1", 0, trust=LOOPBACK)
    with pytest.raises(ConfigurationError, match="proxy_protocol_timeout"):
        controller.start()
    controller.stop()


def reading() -> SMTP:
    return SMTP(Sink(), proxy_protocol_timeout=5.0, enable_SMTPUTF8=True)


@pytest.mark.parametrize("kind", [Controller, UnthreadedController])
def test_its_own_proxy_protocol_is_refused_in_a_factory_that_is_assigned(
    kind: Any,
) -> None:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        controller = kind(Sink(), "127.0.0.1", 0, loop, trust=LOOPBACK)
        controller.factory = reading
        with pytest.raises(ConfigurationError, match="proxy_protocol_timeout"):
            controller.start() if kind is Controller else controller.begin()
        if kind is Controller:
            controller.stop()
        asyncio.set_event_loop(None)


def test_its_own_proxy_protocol_is_refused_in_a_factory_that_is_assigned_late(
    caplog: pytest.LogCaptureFixture,
) -> None:
    port = Port()
    controller = Controller(Handler(), port.host, port.number, trust=LOOPBACK)
    with controlled(controller):
        assert asked(port.address, request=REQUEST)["client"] == list(CLIENT)
        controller.factory = reading  # type: ignore[method-assign]
        with socket.create_connection(port.address, PATIENCE) as stream:
            stream.sendall(OCTETS)
            assert ended(stream)
    assert "proxy_protocol_timeout" in caplog.text
    port.close()


def failing() -> SMTP:
    raise RuntimeError("its backend is gone, as the test says")


@pytest.mark.parametrize(
    ("factory", "said"),
    [(failing, "as the test says"), (lambda: None, "returned None")],
)
def test_who_gets_no_session_is_not_kept_waiting(
    factory: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    port = Port()
    controller = Controller(Handler(), port.host, port.number, trust=LOOPBACK)
    with controlled(controller):
        own, controller.factory = controller.factory, factory  # type: ignore[method-assign]
        with socket.create_connection(port.address, PATIENCE) as stream:
            stream.sendall(OCTETS)
            assert ended(stream)
        assert said in caplog.text
        controller.factory = own  # type: ignore[method-assign]
        assert asked(port.address, request=REQUEST)["client"] == list(CLIENT)
    port.close()


@pytest.mark.parametrize("kind", [Controller, UnthreadedController])
def test_a_factory_that_makes_nothing_is_refused(kind: Any) -> None:
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        controller = kind(Sink(), "127.0.0.1", 0, loop, trust=LOOPBACK)
        controller.factory = lambda: None
        with pytest.raises((ConfigurationError, RuntimeError), match="returned None"):
            controller.start() if kind is Controller else controller.begin()
        if kind is Controller:
            controller.stop()
        asyncio.set_event_loop(None)


def test_a_factory_that_takes_too_long_is_no_start() -> None:
    waited = threading.Event()

    class Slow(Controller):
        def factory(self) -> SMTP:
            assert waited.wait(PATIENCE)
            return reading()

    controller = Slow(Sink(), "127.0.0.1", 0, trust=LOOPBACK, ready_timeout=0.2)
    with pytest.raises(RuntimeError, match=r"ready_timeout=0\.2"):
        controller.start()
    waited.set()
    controller.stop()


def test_a_factory_that_times_out_by_itself_is_heard() -> None:
    class Calling(Controller):
        def factory(self) -> SMTP:
            raise TimeoutError("its backend is slow, as the test says")

    controller = Calling(Sink(), "127.0.0.1", 0, trust=LOOPBACK)
    with pytest.raises(TimeoutError, match="as the test says"):
        controller.start()
    controller.stop()


def test_its_own_proxy_protocol_is_refused_on_the_callers_loop() -> None:
    class OnTheCallersLoop(UnthreadedController):
        factory = Reading.factory

    loop = asyncio.new_event_loop()
    controller = OnTheCallersLoop(Sink(), "127.0.0.1", 0, loop, trust=LOOPBACK)
    with pytest.raises(ConfigurationError, match="proxy_protocol_timeout"):
        controller.begin()  # type: ignore[no-untyped-call]
    asyncio.set_event_loop(None)
    loop.close()


def test_an_aiosmtpd_that_has_changed_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Changed(SMTP):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            del self._proxy_timeout

    monkeypatch.setattr("aiosmtpd.controller.SMTP", Changed)
    with pytest.raises(ConfigurationError, match="does not say"):
        run(Sink(), "127.0.0.1", 0, trust=LOOPBACK)


def test_an_aiosmtpd_that_listens_otherwise_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("aiosmtpd.controller.BaseController._create_server")
    with pytest.raises(ConfigurationError, match="_create_server"):
        run(Sink(), "127.0.0.1", 0, trust=LOOPBACK)


def test_a_start_that_fails_leaves_nothing_open(tmp_path: Path) -> None:
    live = tmp_path / "live.sock"
    before = settled_descriptors()
    for path in (tmp_path / "nowhere" / "smtp.sock", live):
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(live))
            listening.listen()
            with pytest.raises(OSError, match=r"\[Errno"):
                run(
                    Sink(),
                    trust=LOOPBACK,
                    unix_socket=path,
                    direct_listen="127.0.0.1:0",
                )
        live.unlink()
        assert open_descriptors() == before


def test_an_address_in_use_is_said() -> None:
    port = Port()
    with port._held as held:
        held.listen()
        with pytest.raises(OSError, match="in use"):
            run(Sink(), *port.address, trust=LOOPBACK, direct_listen="127.0.0.1:0")


def test_the_command_takes_its_own_options(
    tmp_path: Path, authority: Authority
) -> None:
    port = Port()
    files = [str(authority.certificate), str(authority.key)]
    options = ["-n", "-d", "-l", str(port), "-s", "4096", "-c", f"{__name__}.Named"]
    tls = ["--tlscert", files[0], "--tlskey", files[1], "--no-requiretls"]
    command = [*COMMAND, *options, *tls, "--trust", "127.0.0.0/8", "argument"]
    with Process(command, log=tmp_path / "log", ports=[port]) as process:
        with Speaker(*port.address, timeout=PATIENCE) as speaker:
            assert speaker.ehlo(NAME)[0] == 250
            assert speaker.esmtp_features["size"] == "4096"
            assert speaker.has_extn("starttls")
            assert speaker.seen()["client"] == list(CLIENT)
        process.until_said(r"Peer: \('203.0.113.9', 51234\)")
        assert process.end() == 0


class Named(Handler):
    """A handler that the command makes from its arguments."""

    @classmethod
    def from_cli(cls, parser: Any, *arguments: str) -> Named:
        assert arguments == ("argument",)
        return cls()


def test_the_command_serves_smtps(tmp_path: Path, authority: Authority) -> None:
    port = Port()
    files = [str(authority.certificate), str(authority.key)]
    options = ["-n", "-l", str(port), "-c", "tests.interop.serving.aiosmtpd.Handler"]
    tls = ["--smtpscert", files[0], "--smtpskey", files[1]]
    command = [*COMMAND, *options, *tls, "--trust", "127.0.0.0/8"]
    with Process(command, log=tmp_path / "log", ports=[port]):
        said = asked(port.address, request=REQUEST, authority=authority)
    assert said["client"] == list(CLIENT)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["-n", "-l", "192.0.2.1:9"], 69, "192.0.2.1"),
        (["--nonsense"], 2, "nonsense"),
        (["-n", "--direct-listen", "nowhere"], 78, "direct_listen"),
    ],
)
def test_the_command_says_what_is_wrong(
    words: list[str], code: int, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--trust", "127.0.0.0/8", *words])
    assert ended.value.code == code
    assert said in capfd.readouterr().err
