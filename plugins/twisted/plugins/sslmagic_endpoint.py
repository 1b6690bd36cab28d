"""Tells Twisted of `sslmagic:`, for descriptions of stream servers."""

from __future__ import annotations

from sslmagic.servers.twisted import DescriptionParser

__all__ = ["parser"]

parser = DescriptionParser()
