"""Listening sockets: ports, families, UNIX paths and what they leave behind."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import threading
from pathlib import Path

import pytest

from sslmagic.preamble import Endpoint, UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from tests.sslmagic.relay.harness import client


def listen(where: Endpoint | UnixEndpoint, **options: bool) -> Listening:
    return Listening(Address.of(where), **options)


def test_it_says_which_port_the_kernel_chose() -> None:
    listening = listen(Endpoint("127.0.0.1", 0))
    port = listening.socket.getsockname()[1]
    assert port
    assert str(listening) == f"127.0.0.1:{port}"
    listening.close()


def test_accepted_connections_inherit_what_they_need() -> None:
    listening = listen(Endpoint("127.0.0.1", 0))
    with client(listening.socket.getsockname()):
        connection, _ = listening.socket.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    listening.close()


def test_every_address_is_both_families_and_one_address_is_one() -> None:
    every, one = listen(Endpoint("", 0)), listen(Endpoint("::1", 0))
    port = every.socket.getsockname()[1]
    for host in ("127.0.0.1", "::1"):
        socket.create_connection((host, port), 5).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", one.socket.getsockname()[1]), 5)
    every.close()
    one.close()


def test_without_ipv6_every_address_is_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    original = socket.socket

    def without(family: int, *more: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "no IPv6")
        return original(family, *more)

    monkeypatch.setattr("sslmagic.relay.listening.socket.socket", without)
    listening = listen(Endpoint("", 0))
    assert listening.socket.getsockname()[0] == "0.0.0.0"
    with pytest.raises(OSError, match="no IPv6"):
        listen(Endpoint("::1", 0))
    listening.close()


def test_a_taken_port_is_an_error_that_leaks_nothing() -> None:
    listening = listen(Endpoint("127.0.0.1", 0))
    with pytest.raises(OSError, match="in use"):
        listen(Endpoint(*listening.socket.getsockname()))
    listening.close()


def test_a_unix_socket_leaves_no_file(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    listening = listen(UnixEndpoint(str(path)))
    assert str(listening) == f"unix:{path}"
    assert path.is_socket()
    listening.close()
    assert not path.exists()
    listening.close()


def test_the_file_of_a_dead_listener_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    listening = listen(UnixEndpoint(str(path)))
    client(str(path)).close()
    listening.close()


def test_a_path_that_somebody_else_uses_stays_his(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    listening = listen(UnixEndpoint(str(path)))
    with pytest.raises(OSError, match="in use"):
        listen(UnixEndpoint(str(path)))
    client(str(path)).close()
    listening.close()
    path.write_text("a file")
    with pytest.raises(OSError, match="in use"):
        listen(UnixEndpoint(str(path)))
    assert path.read_text() == "a file"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        listen(UnixEndpoint(str(tmp_path / "none" / "listen")))


def test_somebody_whose_queue_is_full_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as clients:
        busy.bind(str(path))
        busy.listen(0)
        with pytest.raises(BlockingIOError):
            while True:
                one = clients.enter_context(socket.socket(socket.AF_UNIX))
                one.setblocking(False)
                one.connect(str(path))
        # Who waited for the queue would wait until this test is over.
        failed: list[OSError] = []

        def tried() -> None:
            with pytest.raises(OSError, match="in use") as caught:
                listen(UnixEndpoint(str(path)))
            failed.append(caught.value)

        trying = threading.Thread(target=tried, daemon=True)
        trying.start()
        trying.join(5)
        assert failed
        assert path.is_socket()


def test_an_abstract_name_has_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = f"\0sslmagic-{os.getpid()}-listening"
    listening = listen(UnixEndpoint(name))
    client(name).close()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OSError, match="in use"):
        listen(UnixEndpoint(name))
    listening.close()
    listen(UnixEndpoint(name)).close()


def test_the_file_of_a_successor_stays(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    first = listen(UnixEndpoint(str(path)))
    path.unlink()
    second = listen(UnixEndpoint(str(path)))
    first.close()
    client(str(path)).close()
    second.close()
    assert not path.exists()


def test_a_file_of_the_same_number_is_a_successors(tmp_path: Path) -> None:
    """Its listener is closed by then: ext4 gives a number to the next file at once."""
    path = tmp_path / "listen"
    first = listen(UnixEndpoint(str(path)))
    number = path.stat().st_ino
    first.socket.close()
    assert first.file is not None
    path.unlink()
    with contextlib.ExitStack() as successors:
        for _ in range(16):
            path.unlink(missing_ok=True)
            successor = successors.enter_context(socket.socket(socket.AF_UNIX))
            successor.bind(str(path))
            if path.stat().st_ino == number:
                break
    first.file.remove()
    assert path.is_socket()
    if not gives_numbers_again(tmp_path):
        pytest.skip("here no file gets the number of another, whatever is held")


def gives_numbers_again(directory: Path) -> bool:
    """Return whether the number of a file that is gone is soon another's."""
    numbers: list[int] = []
    for _ in range(16):
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(directory / "any"))
        numbers.append((directory / "any").stat().st_ino)
        (directory / "any").unlink()
    return len(set(numbers)) < len(numbers)


def test_the_number_of_a_file_comes_back_once_it_is_removed(tmp_path: Path) -> None:
    """Or the test above shows nothing."""
    path = tmp_path / "listen"
    for _ in range(16):
        first = listen(UnixEndpoint(str(path)))
        number = path.stat().st_ino
        first.close()
        with socket.socket(socket.AF_UNIX) as successor:
            successor.bind(str(path))
            if path.stat().st_ino == number:
                return
        path.unlink()
    pytest.skip("this filesystem does not give a file's number again")


def test_a_file_is_held_no_longer_than_it_may_be_removed(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    removed = listen(UnixEndpoint(str(path)))
    (descriptor,) = held(path)
    assert not os.get_inheritable(descriptor)
    removed.close()
    forgotten = listen(UnixEndpoint(str(path)))
    forgotten.socket.close()
    assert len(held(path)) == 1
    del forgotten
    gc.collect()
    assert held(path) == []
    assert path.is_socket()


def held(path: Path) -> list[int]:
    """Return the descriptors of this process that hold a file."""
    found: list[int] = []
    for entry in Path("/proc/self/fd").iterdir():
        # That of the directory itself has been closed.
        with contextlib.suppress(FileNotFoundError):
            if entry.readlink() == path:
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("call", ["stat", "unlink"])
def test_a_file_that_may_not_be_removed_keeps_nothing_else_open(
    call: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its directory is another's once privileges have been given up."""
    path = tmp_path / "listen"
    listening = listen(UnixEndpoint(str(path)))

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "denied, as the test says")

    with monkeypatch.context() as patch:
        patch.setattr(Path, call, denied)
        listening.close()
    assert listening.socket.fileno() < 0
    assert held(path) == []
    assert path.is_socket()
    assert f"cannot remove {path}: denied, as the test says" in caplog.text


def test_a_file_that_is_gone_is_no_news(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "listen"
    listening = listen(UnixEndpoint(str(path)))
    path.unlink()
    listening.close()
    assert not caplog.text


def test_a_relative_path_stays_the_one_that_was_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although an application changes its directory."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    listening = listen(UnixEndpoint("listen"))
    monkeypatch.chdir(elsewhere)
    listening.close()
    assert not (tmp_path / "listen").exists()


def test_a_file_that_cannot_be_held_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Descriptors may run out when a socket has its file."""

    def none(*_: object) -> int:
        raise OSError(errno.EMFILE, "none left, as the test says")

    monkeypatch.setattr(os, "open", none)
    with pytest.raises(OSError, match="as the test says"):
        listen(UnixEndpoint(str(tmp_path / "listen")))
    assert list(tmp_path.iterdir()) == []


def test_a_file_removed_twice_closes_nobodys_descriptor(tmp_path: Path) -> None:
    listening = listen(UnixEndpoint(str(tmp_path / "listen")))
    listening.close()
    with open(os.devnull, "rb") as other:  # noqa: PTH123 - any descriptor
        assert listening.file is not None
        listening.file.remove()
        os.fstat(other.fileno())


def test_a_successor_takes_a_path_over(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    first = listen(UnixEndpoint(str(path)))
    second = listen(UnixEndpoint(str(path)), replace=True)
    first.close()
    with client(str(path)):
        second.socket.accept()[0].close()
    second.close()
    path.write_text("a file")
    with pytest.raises(OSError, match="in use"):
        listen(UnixEndpoint(str(path)), replace=True)
    assert path.read_text() == "a file"


def test_a_forked_child_leaves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "listen"
    listening = listen(UnixEndpoint(str(path)))
    if not (child := os.fork()):
        listening.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    client(str(path)).close()
    listening.close()
    assert not path.exists()


def test_a_deferring_listener_waits_for_octets() -> None:
    listening = listen(Endpoint("127.0.0.1", 0), defer=True)
    with client(listening.socket.getsockname()) as connection:
        with pytest.raises(BlockingIOError):
            listening.socket.accept()
        connection.sendall(b"x")
        listening.socket.settimeout(5)
        accepted, _ = listening.socket.accept()
        with accepted:
            assert accepted.recv(1) == b"x"
    listening.close()
