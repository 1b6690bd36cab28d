"""Listening sockets, made once before any worker and shared by all of them."""

from __future__ import annotations

import errno
import logging
import os
import socket
import weakref
from pathlib import Path

from sslmagic.relay.address import Address, endpoint

__all__ = ["BACKLOG", "Listening", "UnixFile"]

BACKLOG = 4096
"""Connections that may wait to be accepted: the kernel's own limit by default."""
_DEFER = 1
"""Seconds for which the kernel keeps a client that has sent nothing to itself. It is
told to a worker after that, so that the worker's own deadline holds."""

_LOG = logging.getLogger("sslmagic")


class Listening:
    """A listening socket, and its file if it has one.

    Args:
        address: where to listen.
        backlog: connections that may wait to be accepted.
        defer: have connections accepted when their first octets are there. One
            wake-up less for each, where clients speak first.
        replace: take the path of a UNIX socket over from whoever listens there, as a
            successor does. By default only from nobody.

    Raises:
        OSError: it cannot be had.
    """

    def __init__(
        self,
        address: Address,
        *,
        backlog: int = BACKLOG,
        defer: bool = False,
        replace: bool = False,
    ) -> None:
        self.file: UnixFile | None = None
        if address.family == socket.AF_UNIX:
            self.socket = self._unix(address, replace=replace)
        else:
            self.socket = _tcp(address, defer=defer)
        try:
            self.socket.listen(backlog)
        except OSError:
            self.close()
            raise
        self.socket.setblocking(False)  # noqa: FBT003 - the socket module's own signature

    def __str__(self) -> str:
        """Return the address, with the port that the kernel chose."""
        return str(endpoint(self.socket.getsockname()))

    def close(self) -> None:
        """Stop listening; a UNIX socket leaves no file of its own behind."""
        try:
            if self.file is not None:
                self.file.remove()
        finally:
            self.socket.close()

    def _unix(self, address: Address, *, replace: bool) -> socket.socket:
        path = address.name
        assert not isinstance(path, tuple)
        # An abstract name is no file's.
        is_file = not os.fsencode(path).startswith(b"\0")
        if is_file:
            _remove_stale(Path(os.fsdecode(path)), or_live=replace)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(path)
            if is_file:
                self.file = UnixFile(Path(os.fsdecode(path)))
        except OSError:
            listening.close()
            raise
        return listening


class UnixFile:
    """The file that a UNIX socket was bound to, which its maker removes.

    Not a successor's of the same name, and not in a forked child. Until it is removed
    a descriptor stays open, which no program that is started inherits.

    Args:
        path: of a socket that this process has just bound.

    Raises:
        OSError: the file is gone, or descriptors have run out; it is removed then.
    """

    def __init__(self, path: Path) -> None:
        # An application may change its directory.
        self._path = path.absolute()
        self._process = os.getpid()
        # Only a file that somebody holds keeps its number: ext4 gives that of one that
        # is gone to the next at once, and a successor's file would pass for this one.
        try:
            held = os.open(self._path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            self._unlink()
            raise
        self._held = held
        self._release = weakref.finalize(self, os.close, held)
        # At exit the kernel does this, after whatever removes the file then.
        self._release.atexit = False

    def remove(self) -> None:
        """Remove the file, if it is there still; what keeps it is said in the log.

        It is no error: whoever gave up his privileges may not remove it, and has more
        to close.
        """
        if not self._release.alive:
            return
        try:
            if self._process == os.getpid() and self._is_there():
                self._unlink()
        finally:
            self._release()

    def _is_there(self) -> bool:
        try:
            found = self._path.stat(follow_symlinks=False)
        except OSError as error:
            # Whether it is there cannot be seen, and so neither whose it is.
            self._say(error)
            return False
        return os.path.samestat(found, os.fstat(self._held))

    def _unlink(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._say(error)

    def _say(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            _LOG.warning("cannot remove %s: %s", self._path, error.strerror)


def _tcp(address: Address, *, defer: bool) -> socket.socket:
    try:
        listening = socket.socket(address.family, socket.SOCK_STREAM)
    except OSError as error:
        every = address.name[0] == "::" and isinstance(address.name, tuple)
        if error.errno != errno.EAFNOSUPPORT or not every:
            raise
        # Every address there is, on a machine without IPv6.
        name = ("0.0.0.0", int(address.name[1]))
        address = Address(family=socket.AF_INET, name=name, is_tcp=True)
        listening = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address.family == socket.AF_INET6:
            only = address.name[0] != "::"
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        # What is set here holds for every accepted connection.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if defer:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _DEFER)
        listening.bind(address.name)
    except OSError:
        listening.close()
        raise
    return listening


def _remove_stale(path: Path, *, or_live: bool) -> None:
    """Remove the file of a UNIX socket that nobody listens on any more.

    Args:
        path: where another socket is going to be bound.
        or_live: also if somebody listens.
    """
    try:
        if not path.is_socket():
            return
        if or_live:
            path.unlink()
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            # Whose queue is full listens as well, and says so by BlockingIOError.
            probe.setblocking(False)  # noqa: FBT003 - the socket module's own signature
            probe.connect(os.fspath(path))
    except ConnectionRefusedError:
        path.unlink()
    except OSError:
        return
