"""Exports a trained network as one HTML file that runs in any browser."""

from patentlm.export.page.page import write

__all__ = ["write"]
