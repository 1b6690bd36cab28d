"""Learns a layout: from connections whose client is known, to the format of preambles.

Sample ── spellings ──▶ witnesses ──▶ search ──▶ variants ──▶ Lesson
"""
