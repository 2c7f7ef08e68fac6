"""Corpora for tests, and what the cache holds of them."""

from patentlm.data.cache import cache_folder
from patentlm.data.sources import SampleSource
from patentlm.data.splits import ClusterSplit
from patentlm.data.words import WordTokenizer
from tests.made_up import CLEANING

KEEP_ALL = WordTokenizer(min_count=1, max_words=None)
SAMPLE = SampleSource(
    count=60,
    seed=1,
    query=None,
    cleaning=CLEANING,
    split=ClusterSplit(valid=0.2, test=0.2, shingle=5, overlap=0.5, exact_up_to=10_000),
)
TINY = {"train": "b a b\na b c\n", "valid": "a d\n", "test": "e\nb <unk> e a\n"}


def folders():
    """Whatever lies beside the locks where corpora are kept."""
    return sorted(path for path in (cache_folder() / "corpora").iterdir() if path.is_dir())


def files_of(folder):
    """Which files these are and when they were written."""
    stats = {path.name: path.stat() for path in folder.iterdir()}
    return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in stats.items()}


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}
