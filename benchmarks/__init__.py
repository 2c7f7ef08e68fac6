"""Measurements, each a command: `python -m benchmarks.NAME`."""

# Before all that imports torch: it sets how long threads spin, as in the scripts.
import patentlm.command  # noqa: F401
