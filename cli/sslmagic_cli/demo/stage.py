"""Everything that runs during a demonstration, and that it ends with it."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

from sslmagic import Trust
from sslmagic.wire import FORMATS
from sslmagic_cli.demo.authority import Authority
from sslmagic_cli.demo.backend import GATEWAY, ClearBackend, SecureBackend
from sslmagic_cli.demo.gateway import Gateway
from sslmagic_cli.demo.wire import Wire

__all__ = ["Stage"]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A certificate authority, the backends, the wire, and the gateways."""

    authority: Authority
    backend: SecureBackend
    wire: Wire
    gateways: dict[str, Gateway]
    """By the format that they prepend; `none`, and `http` for the one in clear."""

    @classmethod
    @contextlib.contextmanager
    def set_up(cls) -> Generator[Stage]:
        """Start the backends and the gateways; they end with the context."""
        trust = Trust(peers=[GATEWAY], formats=FORMATS)
        with contextlib.ExitStack() as stack:
            enter = stack.enter_context
            # Told to end we end as with Ctrl-C, and take the gateways with us.
            before = signal.signal(signal.SIGTERM, signal.default_int_handler)
            stack.callback(signal.signal, signal.SIGTERM, before)
            directory = enter(tempfile.TemporaryDirectory(prefix="magic-demo-"))
            authority = Authority.create(Path(directory))
            backend = enter(SecureBackend(trust, authority.server))
            naive = enter(SecureBackend(Trust(others="direct"), authority.server))
            in_clear = enter(ClearBackend(trust))
            wire = enter(Wire(backend.address))
            # All at once, because starting Python is what takes the time.
            gateways: dict[str, Gateway] = {
                format: enter(Gateway(wire.address, "--enhance", format))
                for format in FORMATS
            }
            gateways["none"] = enter(Gateway(naive.address, "--enhance", "none"))
            gateways["http"] = enter(Gateway(in_clear.address, "--protocol", "http"))
            yield cls(
                authority=authority, backend=backend, wire=wire, gateways=gateways
            )
