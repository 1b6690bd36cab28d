"""memory.py: a process and its children, together."""

import subprocess
import sys

from benchmarks.capture.memory import measured

_HOLDS = """
import os, sys
pid = os.fork()
held = b"x" * (int(sys.argv[1]) << 20)
if pid:
    sys.stdin.read()
    os.kill(pid, 9)
    os.waitpid(pid, 0)
else:
    print("held", flush=True)
    os.read(os.pipe()[0], 1)
"""


def test_children_count() -> None:
    with (
        subprocess.Popen(
            [sys.executable, "-c", _HOLDS, "40"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as holding,
        measured(holding.pid) as memory,
    ):
        assert holding.stdin
        assert holding.stdout
        assert holding.stdout.readline() == b"held\n"
        memory.wait_for_another_look()
        memory.wait_for_another_look()
        holding.stdin.close()
        holding.wait()
    assert 75 << 20 < memory.peak < 160 << 20
