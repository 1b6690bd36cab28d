"""A real browser, asked over its own protocol what has become of a page."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.interop.peers import needs

__all__ = ["arguments", "opened"]

Evaluate = Callable[[str], Any]


def arguments(profile: Path) -> list[str]:
    """The command line of a browser without a screen; skips where there is none."""
    needs("chromium")
    return [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
        *("--hide-scrollbars", f"--user-data-dir={profile}"),
    ]


@contextlib.contextmanager
def opened(page: Path, profile: Path) -> Generator[Evaluate]:
    """Open *page*; what is given evaluates JavaScript in it."""
    with subprocess.Popen(
        [*arguments(profile), "--remote-debugging-port=0", "about:blank"],
        env=os.environ | {"HOME": str(profile)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as browser:
        try:
            assert browser.stderr
            for line in browser.stderr:
                if found := re.search(r"ws://\S+", line):
                    break
            else:
                pytest.fail("the browser does not listen")
            with connect(found[0], max_size=None, open_timeout=20) as socket:
                yield _evaluator(socket, page.as_uri())
        finally:
            # The browser's own processes as well.
            os.killpg(browser.pid, signal.SIGKILL)


def _evaluator(socket: Any, url: str) -> Evaluate:
    numbers = itertools.count(1)
    methods = set[str | None]()

    def ask(method: str, session: str | None = None, **params: Any) -> Any:
        number = next(numbers)
        said = {"id": number, "method": method, "params": params}
        socket.send(json.dumps(said | ({"sessionId": session} if session else {})))
        while (answer := json.loads(socket.recv(timeout=20))).get("id") != number:
            methods.add(answer.get("method"))
        return answer["result"]

    targets = ask("Target.getTargets")["targetInfos"]
    target = next(one["targetId"] for one in targets if one["type"] == "page")
    attached = ask("Target.attachToTarget", targetId=target, flatten=True)
    session: str = attached["sessionId"]
    ask("Page.enable", session)
    ask("Page.navigate", session, url=url)
    while "Page.loadEventFired" not in methods:
        methods.add(json.loads(socket.recv(timeout=20)).get("method"))

    def evaluate(expression: str) -> Any:
        answer = ask(
            "Runtime.evaluate", session, expression=expression, returnByValue=True
        )
        return answer["result"].get("value")

    return evaluate
