"""Warnings about a prepared corpus, shown before training."""

from collections.abc import Iterator, Mapping

from patentlm.data.splits import SPLITS

MOST_UNKNOWN = 0.2
MOST_ALIKE = 0.95
LEAST_WORDS = 10
FEWEST_TEXTS = 20  # fewer may have the same beginning by chance


def warnings_of(
    counts: Mapping[str, int], shares: Mapping[str, float], opening: tuple[str, int]
) -> Iterator[str]:
    """Yields warnings about a prepared corpus, each one line with what to do.

    Args:
        counts: what preparation counted.
        shares: shares of the texts that were asked for, by split.
        opening: the word that most texts of train begin with, and their number.
    """
    unknown = counts["train_unknown"] / counts["train_targets"]
    if unknown > MOST_UNKNOWN:
        yield (
            f"{unknown:.0%} of train is <unk>: lower tokenizer.min_count, raise "
            "tokenizer.max_words, or set tokenizer=bpe"
        )
    yield from _shares_missed(counts, shares)
    word, texts = opening
    if texts >= FEWEST_TEXTS and texts > MOST_ALIKE * counts["train_abstracts"]:
        yield (
            f"{texts / counts['train_abstracts']:.0%} of the texts begin with {word!r}: "
            "if it is a label or a marker, data.cleaning.markers takes it out"
        )
    if found := counts.get("with_control_characters", 0):
        yield f"{found:,} texts have control characters in them: check data.encoding"
    if found := counts.get("with_mojibake", 0):
        yield (
            f"{found:,} texts have mojibake such as \N{LATIN CAPITAL LETTER A WITH TILDE}"
            "\N{COPYRIGHT SIGN} for \N{LATIN SMALL LETTER E WITH ACUTE}: they were decoded in a "
            "wrong encoding before; check data.encoding, or export them again"
        )
    words = sum(counts[f"{name}_words"] for name in SPLITS)
    texts = sum(counts[f"{name}_abstracts"] for name in SPLITS)
    if words < LEAST_WORDS * texts:
        yield f"texts have {words / texts:.1f} words on average: check data.column"


def _shares_missed(counts: Mapping[str, int], shares: Mapping[str, float]) -> Iterator[str]:
    texts = sum(counts[f"{name}_abstracts"] for name in SPLITS)
    for name, asked in shares.items():
        share = counts[f"{name}_abstracts"] / texts
        if not asked / 2 <= share <= 2 * asked:
            yield (
                f"{name} has {share:.1%} of the texts, where data.split asks for {asked:.1%}: "
                "near-duplicates stay together; raise data.split.overlap, or use more patents"
            )
