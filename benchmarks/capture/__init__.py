"""Captures: packets a second, beside tshark and a bare loop, and how memory grows."""
