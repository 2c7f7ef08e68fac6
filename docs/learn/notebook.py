"""What every notebook begins with, as `%run notebook.py NAME`.

Figures fit the page, the working folder is the repository's root, and `outputs/learn/NAME`, the
folder of the notebook's runs, is empty.

A figure becomes an SVG whose lines and letters have the colour of the text around it, so that it
reads well on light and on dark pages.
"""

import io
import os
import shutil
import sys
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
from IPython import get_ipython
from matplotlib.figure import Figure

INK = "#010203"
"""Stands for the colour of the page's text."""
COLOURS = ["#3b82c4", "#d9792b", "#3f9d62", "#b05cc4", "#c9a227", "#5aa6a6"]
"""Readable on white and on near-black."""


def as_html(figure: Figure) -> str:
    """A figure as an SVG inside a page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", bbox_inches="tight", transparent=True)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor")
    return f'<div class="figure-svg">{svg}</div>'


def set_up_figures() -> None:
    """Shows figures as `as_html` makes them."""
    get_ipython().run_line_magic("matplotlib", "inline")
    formatters = get_ipython().display_formatter.formatters
    for kind in list(formatters.values()):
        kind.pop(Figure, None)
    formatters["text/html"].for_type(Figure, as_html)
    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    matplotlib.rcParams.update(dict.fromkeys((*ink, "grid.color", "patch.edgecolor"), INK))
    matplotlib.rcParams.update(
        {
            "svg.fonttype": "none",
            "font.size": 11,
            "figure.figsize": (7.5, 3.4),
            "axes.prop_cycle": plt.cycler(color=COLOURS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.15,
            "legend.frameon": False,
            "legend.labelcolor": INK,
        }
    )


def work_in(name: str) -> None:
    """Makes the repository's root the working folder, and the folder of the notebook's runs new."""
    root = Path(__file__).resolve().parent.parent.parent
    os.chdir(root)
    sys.path.insert(0, str(root))
    shutil.rmtree(root / "outputs" / "learn" / name, ignore_errors=True)
    python = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([python, os.environ["PATH"]])
    os.environ.setdefault("PYTHONPATH", str(root / "src"))


set_up_figures()
work_in(sys.argv[1])
