"""Which sampling writes texts most like real ones: the figures by which the default was chosen.

    python -m benchmarks.sampling_settings RUN --count 200

Writes with each of the settings below and prints the table of `evaluate.py report=text` on its
side, with valid as the real texts: test has no say in a choice. Also writes
`benchmarks/results/sampling_settings.json`.
"""

from argparse import ArgumentParser, RawDescriptionHelpFormatter

from benchmarks import results
from benchmarks.machine import add_device
from patentlm.reports.comparison import corpora_of, load_models
from patentlm.reports.text_quality import choose, judge, judge_written

MAX_WORDS = 500

SETTINGS: tuple[dict[str, float | None], ...] = (
    {"temperature": 0, "no_repeat_ngram": 4},
    {"temperature": 0.9, "top_p": 0.9, "no_repeat_ngram": 5},
    {"temperature": 0.9, "top_p": 0.9},
    {"temperature": 0.7},
    {"temperature": 0.8},
    {"temperature": 0.9},
    {"temperature": 1},
    {"temperature": 1, "top_p": 0.9},
    *({"temperature": 1, "top_p": 0.9, "no_repeat_ngram": n} for n in (5, 4, 3, 2)),
    {"temperature": 1, "top_p": 0.9, "repetition_penalty": 1.1},
    {"temperature": 1, "top_p": 0.95},
    {"temperature": 1, "top_k": 40},
    {"temperature": 1, "min_p": 0.02},
    {"temperature": 1, "min_p": 0.1},
)


def main() -> None:
    """Writes texts, prints and writes the figures."""
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="a checkpoint file or a run's folder")
    parser.add_argument("--count", type=int, default=200, help="texts of each")
    parser.add_argument("--seed", type=int, default=1)
    add_device(parser)
    asked = parser.parse_args()
    models = load_models(asked.checkpoint, device=asked.device)
    corpus = corpora_of(models, None)[asked.checkpoint]
    train = corpus.ids("train")
    real = choose(corpus.ids("valid"), asked.count, seed=asked.seed)
    qualities = {
        ", ".join(f"{name} {value}" for name, value in sampling.items()): judge_written(
            models[asked.checkpoint],
            train,
            sampling,
            count=len(real),
            seed=asked.seed,
            max_words=MAX_WORDS,
        )
        for sampling in SETTINGS
    } | {"real (valid)": judge(real, train)}
    rows = [{"sampling": name, **quality.figures()} for name, quality in qualities.items()]
    print(f"{corpus.label}: {len(real)} texts of each, seed {asked.seed}\n")
    title = f"Sampling of {asked.checkpoint}: {len(real)} texts of each"
    results.write("sampling_settings", title, rows, seed=asked.seed)


if __name__ == "__main__":
    main()
