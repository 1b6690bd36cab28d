"""Side-by-side measurements with peers: ``python -m benchmarks`` or ``make bench``.

One machine, one run, interleaved rounds: only ratios count. docs/performance.md says
what each table means and keeps the figures of one full run.
"""
