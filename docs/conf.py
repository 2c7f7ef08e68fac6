"""How the documentation is built: `python -m sphinx -W --keep-going docs docs/_build/html`."""

import hashlib
import sys
from pathlib import Path

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]

from generators import api, results, rooms, settings  # noqa: E402

from patentlm import __version__  # noqa: E402

GENERATED = DOCS / "_generated"


def content_key() -> str:
    """A key that changes with whatever a notebook's output depends on."""
    files = [*ROOT.glob("src/**/*.py"), *ROOT.glob("src/**/*.txt"), *ROOT.glob("src/**/*.yaml")]
    files += [*ROOT.glob("conf/**/*.yaml"), *ROOT.glob("*.py"), DOCS / "learn" / "notebook.py"]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


for generator in (api, results, rooms, settings):
    generator.write(GENERATED)

project = "patentlm"
author = "the patentlm authors"
project_copyright = "the patentlm authors, Apache-2.0"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_design",
]
exclude_patterns = ["_build", "_generated/results/*", "_generated/settings.md"]
default_role = "literal"
nitpicky = False

myst_enable_extensions = ["attrs_block", "attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3

# Notebooks run when their cells, the package or its configuration have changed.
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "notebooks" / content_key())
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_use_legacy_class_based = False
napoleon_numpy_docstring = False
napoleon_use_rtype = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "patentlm"
html_static_path = ["_static"]
html_css_files = ["patentlm.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {
        "color-brand-primary": "#0b5fa5",
        "color-brand-content": "#0b5fa5",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7cb8f0",
        "color-brand-content": "#7cb8f0",
    },
}
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = False
