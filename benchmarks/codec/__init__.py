"""Decode and encode against go-proxyproto, PyPI's proxy-protocol and Twisted."""
