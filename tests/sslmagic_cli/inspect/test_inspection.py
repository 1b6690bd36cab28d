"""inspection.py: captures read once, and given to whoever wants them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Self

import pytest

from sslmagic.capture import workers
from sslmagic.wire import encode
from sslmagic_cli.exits import Exit
from tests.interop.peers import PEERS, needs, program
from tests.sslmagic.capture.made import PREAMBLE, hello
from tests.sslmagic_cli.inspect.captured import (
    HEADER,
    Talk,
    both_sides,
    capture,
    mixed,
    packets,
    record,
)

Run = Callable[..., Any]
COMMAND = [sys.executable, "-m", "sslmagic_cli", "inspect", "-"]


class Live:
    """A command that reads a capture while it is written."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
        )
        self.write(HEADER)

    def write(self, octets: bytes) -> None:
        assert self.process.stdin
        self.process.stdin.write(octets)

    def capture(self, packets: Iterable[tuple[int, bytes]]) -> None:
        """Writes them in one go."""
        self.write(b"".join(record(*packet) for packet in packets))

    def line(self) -> bytes:
        """Waits for the next line."""
        assert self.process.stdout
        return self.process.stdout.readline()

    def rest(self) -> bytes:
        """Ends the capture, and returns what is said from now on."""
        said, complaint = self.process.communicate(timeout=20)
        assert complaint == b""
        assert self.process.returncode == Exit.DONE
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


def test_a_row_is_there_before_the_capture_ends() -> None:
    first, second = mixed()[:2]
    with Live() as live:
        assert b"verdict" in live.line()
        live.capture(packets(first))
        assert live.line().split() == [
            *(b"1", b"01:00:00", b"203.0.113.9:51234", b"10.0.0.5:40112"),
            *(b"magic", b"ok"),
        ]
        live.capture(packets(second))
        assert live.line().split()[-2:] == [b"proxy2", b"ok"]
        assert b"2 connections" in live.rest()


def test_a_row_is_there_before_its_connection_ends_and_only_once() -> None:
    first, second = mixed()[:2]
    begins, ends = (one := [*packets(first)])[:5], one[5:]
    with Live() as live:
        live.line()
        live.capture(begins)
        assert live.line().split()[-2:] == [b"magic", b"ok"]
        live.capture([*ends, *packets(second)])
        assert live.line().split()[-2:] == [b"proxy2", b"ok"]
        rest = live.rest()
    assert b"2 connections" in rest
    assert b"203.0.113.9:51234" not in rest


# Also where only the first row was asked for.
@pytest.mark.parametrize("verdicts", [(), ("missing", "ok")])
def test_one_that_turns_out_otherwise_has_a_second_row(
    verdicts: tuple[str, ...],
) -> None:
    first, second = Talk([hello(), encode(PREAMBLE)]), mixed()[1]
    begins, ends = (one := [*packets(first)])[:4], one[4:]
    with Live(*(word for one in verdicts for word in ("--verdict", one))) as live:
        live.line()
        live.capture(begins)
        row = live.line().split()
        assert (row[0], row[-1]) == (b"1", b"missing")
        live.capture([*ends, *packets(second)])
        rows = [
            (one[0], one[-1])
            for one in map(bytes.split, live.rest().splitlines())
            if one and one[0] in (b"1", b"2") and one[1].count(b":") == 2
        ]
        assert rows == [(b"1", b"late"), (b"2", b"ok")]


def test_what_comes_octet_by_octet_has_no_row_for_each() -> None:
    line = b"HELO shop.example"
    talk = Talk([line[at : at + 1] for at in range(len(line))])
    with Live() as live:
        live.line()
        for time, frame in packets(talk):
            # More than a pipe gives at a time: each packet is a piece of its own.
            live.capture([(time, frame), (time, bytes(1 << 17))])
        said = live.rest().decode()
    assert sum(one.split()[:2] == ["1", "01:00:00"] for one in said.splitlines()) == 2
    assert "text (HELO shop.example)" in said


def test_one_connection_in_full_is_all_that_is_said() -> None:
    first, second = mixed()[:2]
    open_still = [*packets(first)][:5]
    # More than a pipe gives at a time: the first is read before the second comes.
    other = (open_still[-1][0], bytes(60_000))
    with Live("--connection", "2") as live:
        live.capture([*open_still, other, other, *packets(second)])
        assert live.rest().startswith(b"connection 2 ")


def test_the_first_ctrl_c_is_the_captures_and_the_second_ours() -> None:
    first, second = mixed()[:2]
    with Live() as live:
        live.line()
        live.process.send_signal(signal.SIGINT)
        # What is written after it is still read.
        live.capture(packets(first))
        assert live.line().split()[-1] == b"ok"
        live.capture(packets(second))
        assert live.line().split()[-1] == b"ok"
        live.process.send_signal(signal.SIGINT)
        assert live.process.wait(20) == Exit.INTERRUPTED


def test_a_live_capture_of_loopback() -> None:
    needs("dumpcap")
    if os.geteuid() != 0:
        pytest.skip("needs root, to capture")
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        subprocess.Popen(
            [
                *(program(PEERS["dumpcap"].version[0]) or "", "-q", "-i", "lo"),
                *("-f", f"tcp port {listening.getsockname()[1]}", "-w", "-"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as capturing,
        subprocess.Popen(
            COMMAND, stdin=capturing.stdout, stdout=subprocess.PIPE
        ) as live,
    ):
        assert capturing.stderr
        assert live.stdout
        try:
            while b"File" not in (said := capturing.stderr.readline()):
                assert said
            # It says so a moment before it does so: connections are made until one
            # is seen.
            seen = threading.Event()
            calling = threading.Thread(target=_call, args=(listening, seen))
            calling.start()
            assert b"verdict" in live.stdout.readline()
            row = live.stdout.readline().split()
            seen.set()
            calling.join()
        finally:
            capturing.terminate()
        assert row[2:3] + row[4:] == [b"203.0.113.9:51234", b"magic", b"ok"]
        assert b"no fault" in live.stdout.read()
    assert live.returncode == Exit.DONE


def _call(listening: socket.socket, seen: threading.Event) -> None:
    while not seen.wait(0.05):
        with socket.create_connection(listening.getsockname()) as client:
            client.sendall(encode(PREAMBLE) + hello())
            client.shutdown(socket.SHUT_WR)
            served, _ = listening.accept()
            with served:
                while served.recv(4096):
                    pass
            client.recv(1)


def test_what_was_read_of_a_broken_capture_is_shown(run: Run, tmp_path: Path) -> None:
    name = capture(tmp_path / "a.pcap", mixed())
    whole = Path(name).read_bytes()
    Path(name).write_bytes(whole[:-9])
    ended = run("inspect", name, "--totals")
    assert b"12 connections" in ended.out
    assert ended.code == Exit.DATA
    assert ended.complaint.startswith(f"magic: {name}: ")
    assert "(at byte " in ended.complaint


@pytest.mark.parametrize("name", ["no.pcap", "."])
def test_a_capture_that_cannot_be_read(run: Run, tmp_path: Path, name: str) -> None:
    ended = run("inspect", str(tmp_path / name))
    assert ended.code == Exit.NO_INPUT
    assert ended.complaint.startswith("magic: /")


def test_a_process_that_was_ended(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = capture(tmp_path / "a.pcap", mixed())
    monkeypatch.setattr(workers, "_send", lambda *_: os.kill(os.getpid(), 9))
    ended = run("inspect", name, "--workers", "2")
    assert ended.code == Exit.NO_INPUT
    assert ended.complaint == (
        f"magic: {name}: a process that read it was ended (is there enough memory?)"
    )


def test_a_reader_that_went_away(process: Run, tmp_path: Path) -> None:
    name = capture(tmp_path / "a.pcap", mixed() * 30)
    with subprocess.Popen(
        [*COMMAND[:-1], name, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as going:
        assert going.stdout
        assert going.stderr
        going.stdout.close()
        assert going.stderr.read() == b""
    assert going.returncode == Exit.PIPE_CLOSED


CAPTURES = Path(__file__).parents[3] / "captures"


@pytest.mark.parametrize("options", [["--json"], [], ["--jsonl", "--faults"]])
def test_several_processes_say_what_one_says(
    process: Run, tmp_path: Path, options: list[str]
) -> None:
    sides = [side for number in range(60) for side in both_sides(number)]
    talks = [
        talk._replace(opened=talk.opened + n * 1_000_000_000)
        for n in range(5)
        for talk in mixed()
    ]
    made = capture(tmp_path / "a.pcap", sides + talks)
    broken = tmp_path / "b.pcap"
    broken.write_bytes(Path(made).read_bytes()[:-9])
    names = [str(broken), made]
    if options == ["--json"]:
        # Of all others the shares are compared, in tests/sslmagic/capture.
        names += sorted(map(str, CAPTURES.glob("gateway-*.pcapng")))
    one = process("inspect", *names, *options, "--workers", "1")
    assert one.code == Exit.DATA
    assert one.out.count(b"203.0.113.9") > 100
    for count in ("2", "3"):
        several = process("inspect", *names, *options, "--workers", count)
        assert several.out == one.out
        assert (several.code, several.complaint) == (one.code, one.complaint)
