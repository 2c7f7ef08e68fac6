"""What it takes to prepare all of PatentsView: time, memory and disk by the number of rows.

    python -m benchmarks.prepare_scale --rows 100000 400000 1600000 --query "network signal"

makes tables of synthetic abstracts (see `patentsview_table`), puts each into an empty cache as a
release that was downloaded before, and measures with `data=patentsview` in fresh processes: the
pass that filters the table by a phrase, the same for all rows, and the preparation of all rows
(clean, tokenise, remove exact duplicates, find near-duplicates, index). Prints a table and writes
`benchmarks/results/prepare_scale.json`, with what follows for nine million rows, and the bounds
with whether they are met.

Seconds are those of the work alone, without the start of Python. Memory is the peak of the
proportional set size (PSS, of Linux) summed over a process and all it started, file pages it maps
included. Disk is what lies in the cache. Words are the targets of the texts that are kept;
duplicates are read, cleaned and compared as well, but not counted.
"""

import argparse
import json
import math
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

import numpy as np
import psutil
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from benchmarks import results
from benchmarks.patentsview_table import write_table
from patentlm.data.preparation import prepare

CONF = Path(__file__).parent.parent / "conf"
RELEASE = Path("patentsview", "2026-04-10")
SECONDS_BETWEEN_LOOKS = 0.2
ALL_ROWS = 9_000_000
TITLE = "What it takes to prepare tables of PatentsView"
MB, GB, GIB = 1e6, 1e9, 2**30

MOST_EXPONENT, MOST_MEMORY = 1.1, 1.5 * GIB
LEAST_TEXT, LEAST_WORDS = 40 * MB, 1e6  # a second

PARTS = {"phrase": "filter by a phrase", "all": "filter, all rows", "prepare": "prepare, all rows"}

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Measured:
    """One part of the work: its time, and the most that it used of memory and disk, in bytes."""

    seconds: float
    memory: int
    disk: int
    counts: Counts


@dataclass(frozen=True)
class Size:
    """All that was measured with one number of rows; sizes in bytes."""

    rows: int
    text: int
    download: int
    filtered: int
    prepared: int
    scratch: int
    words: int
    parts: Mapping[str, Measured]


def filter_table(cache: Path, query: str | None) -> tuple[float, Counts]:
    """Seconds of the pass that keeps the rows with a phrase."""
    source = instantiate(configured(cache, query).data)
    start = perf_counter()
    first = next(iter(source.records()), None)
    return perf_counter() - start, {"found_any": int(first is not None)}


def prepare_table(cache: Path, query: str | None) -> tuple[float, Counts]:
    """Seconds of the preparation, and what it counted."""
    config = configured(cache, query)
    source, tokenizer = instantiate(config.data), instantiate(config.tokenizer)
    start = perf_counter()
    counts = prepare(source, tokenizer).counts
    return perf_counter() - start, counts


def configured(cache: Path, query: str | None) -> DictConfig:
    """The project's own settings for the release in a cache."""
    os.environ["PATENTLM_CACHE"] = str(cache)
    data = ["data=patentsview", "data.release=cached", f"data.query={json.dumps(query)}"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", data)


def measure(
    work: Callable[[Path, str | None], tuple[float, Counts]], cache: Path, query: str | None
) -> Measured:
    """Does the work in a fresh process and looks at what it uses."""
    fresh = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        worker = psutil.Process(pool.submit(os.getpid).result())
        done = pool.submit(work, cache, query)
        memory = disk = 0
        while not done.done():
            memory, disk = max(memory, memory_of(worker)), max(disk, disk_of(cache))
            wait([done], timeout=SECONDS_BETWEEN_LOOKS)
    seconds, counts = done.result()
    return Measured(seconds, memory, max(disk, disk_of(cache)), counts)


def memory_of(process: psutil.Process) -> int:
    """Bytes of a process and of all it started, pages they share counted once."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += one.memory_full_info().pss
    return total


def disk_of(folder: Path) -> int:
    """Bytes of all files in a folder, those that vanish meanwhile aside."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def measure_size(rows: int, query: str) -> Size:
    """All parts with one number of rows, in a cache that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="patentlm-scale-") as folder:
        cache = Path(folder)
        table = cache / RELEASE / "g_patent_abstract.tsv.zip"
        table.parent.mkdir(parents=True)
        announce(rows, "making the table")
        write_table(table, rows=rows, seed=1)
        announce(rows, PARTS["phrase"])
        parts = {"phrase": measure(filter_table, cache, query)}
        before = disk_of(cache)
        announce(rows, PARTS["all"])
        parts["all"] = measure(filter_table, cache, None)
        filtered = disk_of(cache)
        announce(rows, PARTS["prepare"])
        parts["prepare"] = measure(prepare_table, cache, None)
        final = disk_of(cache)
        counts = parts["prepare"].counts
        return Size(
            rows=rows,
            text=zipfile.ZipFile(table).infolist()[0].file_size,
            download=table.stat().st_size,
            filtered=filtered - before,
            prepared=final - filtered,
            scratch=max(parts["all"].disk - filtered, parts["prepare"].disk - final),
            words=sum(number for name, number in counts.items() if name.endswith("_targets")),
            parts=parts,
        )


def announce(rows: int, doing: str) -> None:
    """Says how far the run is."""
    print(f"{rows:,} rows: {doing}", file=sys.stderr, flush=True)


def exponent(sizes: Sequence[Size], part: str) -> float:
    """With which power of the rows the time grows, by a straight line through the logarithms."""
    rows = np.log([size.rows for size in sizes])
    seconds = np.log([size.parts[part].seconds for size in sizes])
    return float(np.polyfit(rows, seconds, 1)[0])


def all_rows(sizes: Sequence[Size]) -> dict[str, float]:
    """What follows for the whole table: hours, and bytes of disk and memory."""
    last = sizes[-1]
    seconds = {
        part: last.parts[part].seconds * (ALL_ROWS / last.rows) ** exponent(sizes, part)
        for part in ("all", "prepare")
    }
    disk = {
        name: straight(sizes, [getattr(size, name) for size in sizes])
        for name in ("download", "filtered", "prepared", "scratch")
    }
    return {
        "filter_hours": seconds["all"] / 3600,
        "prepare_hours": seconds["prepare"] / 3600,
        **{f"{name}_bytes": number for name, number in disk.items()},
        "disk_bytes": sum(disk.values()),
        "memory_bytes": max(
            straight(sizes, [size.parts[part].memory for size in sizes]) for part in PARTS
        ),
    }


def straight(sizes: Sequence[Size], bytes_used: Sequence[int]) -> float:
    """Bytes for all rows, on the line through the last two sizes, but never below the last."""
    rows = sizes[-1].rows - sizes[-2].rows
    slope = max(0, bytes_used[-1] - bytes_used[-2]) / rows
    return bytes_used[-1] + slope * (ALL_ROWS - sizes[-1].rows)


def targets(sizes: Sequence[Size]) -> Iterator[tuple[str, str, bool]]:
    """What was asked, what was found in the worst case, and whether it is met."""
    for part, name in PARTS.items():
        power = exponent(sizes, part)
        asked = f"{name}: exponent of time ≤ {MOST_EXPONENT}"
        yield asked, f"{power:.2f}", power <= MOST_EXPONENT
    memory = max(part.memory for size in sizes for part in size.parts.values())
    asked = f"peak memory ≤ {MOST_MEMORY / GIB} GiB"
    yield asked, f"{memory / GIB:.2f} GiB", memory <= MOST_MEMORY
    for part in ("phrase", "all"):
        speed = min(size.text / size.parts[part].seconds for size in sizes)
        asked = f"{PARTS[part]}: ≥ {LEAST_TEXT / MB:.0f} MB/s"
        yield asked, f"{speed / MB:.1f} MB/s", speed >= LEAST_TEXT
    speed = min(size.words / size.parts["prepare"].seconds for size in sizes)
    asked = f"{PARTS['prepare']}: ≥ {LEAST_WORDS:,.0f} words/s"
    yield asked, f"{math.floor(speed):,} words/s", speed >= LEAST_WORDS


def rows(sizes: Sequence[Size]) -> list[dict[str, str | float]]:
    """A row for each part of each size."""
    return [
        {
            "part": name,
            "rows": size.rows,
            "seconds": round(size.parts[part].seconds, 1),
            "rows/s": round(size.rows / size.parts[part].seconds),
            "MB/s": round(size.text / size.parts[part].seconds / MB, 1),
            "GiB, most": round(size.parts[part].memory / GIB, 2),
        }
        for size in sizes
        for part, name in PARTS.items()
    ]


def note(sizes: Sequence[Size]) -> str:
    """What follows for the whole table, and the bounds with whether they are met."""
    whole = (
        f"{kind} {number:.1f} h" if unit == "hours" else f"{kind} {number / GB:.1f} GB"
        for name, number in all_rows(sizes).items()
        for kind, _, unit in [name.rpartition("_")]
    )
    bounds = (
        f"{asked}: {found}, {'met' if met else 'not met'}" for asked, found, met in targets(sizes)
    )
    return f"{ALL_ROWS:,} rows, extrapolated: {', '.join(whole)}. Bounds: {'; '.join(bounds)}."


def main() -> None:
    """Measures the sizes that the arguments name."""
    parser = argparse.ArgumentParser(description="Measures how preparation scales.")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 400_000, 1_600_000])
    parser.add_argument("--query", default="network signal", help="a phrase that few rows hold")
    arguments = parser.parse_args()
    if len(set(arguments.rows)) < 2:
        parser.error("--rows: name two sizes or more, for the growth between them")
    sizes = [measure_size(count, arguments.query) for count in sorted(set(arguments.rows))]
    results.write("prepare_scale", TITLE, rows(sizes), seed=1, note=note(sizes))


if __name__ == "__main__":
    main()
