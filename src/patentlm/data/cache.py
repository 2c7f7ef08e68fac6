"""Where downloads and prepared corpora are kept."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def cache_folder() -> Path:
    """`PATENTLM_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("PATENTLM_CACHE")
    return Path(chosen).expanduser() if chosen else user_cache_path("patentlm")
