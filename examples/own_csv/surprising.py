"""The abstracts of a file that surprise a model most: `surprising.py RUN FILE`."""

import csv
import sys
from pathlib import Path

import patentlm


def main(run: str, file: str) -> None:
    """Prints the five abstracts with the highest perplexity."""
    model = patentlm.load(run)
    with Path(file).open(newline="", encoding="utf-8") as lines:
        patents = [row for row in csv.DictReader(lines) if row["abstract"]]
    found = [(model.perplexity([row["abstract"]]), row) for row in patents[:50]]
    for perplexity, row in sorted(found, key=lambda pair: -pair[0])[:5]:
        print(f"{perplexity:8.1f}  {row['id']}  {row['title']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
