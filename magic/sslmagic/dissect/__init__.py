"""Preambles as packets: to take apart, to make, and to show in other people's tools."""
