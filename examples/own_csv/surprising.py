"""The abstracts of a file that surprise a model most: `surprising.py RUN FILE`."""

import sys
from pathlib import Path

from patentlm.data.patents import read_patents

import patentlm


def main(run: str, file: str) -> None:
    """Prints the five abstracts with the highest perplexity."""
    model = patentlm.load(run)
    patents = [p for p in read_patents(Path(file), column=None, encoding="utf-8") if p.abstract]
    found = [(model.perplexity([patent.abstract]), patent) for patent in patents[:50]]
    for perplexity, patent in sorted(found, key=lambda pair: -pair[0])[:5]:
        print(f"{perplexity:8.1f}  {patent.id}  {patent.title}")


if __name__ == "__main__":
    main(*sys.argv[1:])
