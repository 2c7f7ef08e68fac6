"""Formats generated texts for people and for programs."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from patentlm.data.arrays import Ids
from patentlm.data.text import word_starts
from patentlm.errors import ConfigError
from patentlm.evaluation.memorisation import COPIED, Copied, Run, cover, find_copied
from patentlm.evaluation.word_scores import ScoredText
from patentlm.progress import progress
from patentlm.trained_model import Text, TrainedModel

Format = Callable[[Sequence[Text], Sequence[Copied] | None, Sequence[ScoredText] | None], str]
"""Formats texts with what they copy and how their words score, each if asked for."""


def as_text(
    texts: Sequence[Text],
    copied: Sequence[Copied] | None = None,
    scores: Sequence[ScoredText] | None = None,
) -> str:
    """Writes texts with a blank line between them, copied words in brackets.

    Args:
        texts: generated texts.
        copied: parts of each text that are in the training set; None marks nothing.
        scores: not shown.

    Returns:
        The text.

    Example:
        >>> unfinished = Text("A net", 2, False, ("a", "net"))
        >>> print(as_text([unfinished, Text("It.", 2, True, ("it", "."))]))
        A net …
        <BLANKLINE>
        It.
    """
    shown = [text.text for text in texts]
    if copied is not None:
        shown = [mark(text, found.runs) for text, found in zip(texts, copied, strict=True)]
    ends = ["" if text.finished else " …" for text in texts]
    return "\n\n".join(text + end for text, end in zip(shown, ends, strict=True))


def as_jsonl(
    texts: Sequence[Text],
    copied: Sequence[Copied] | None = None,
    scores: Sequence[ScoredText] | None = None,
) -> str:
    """Writes one JSON object a line.

    Args:
        texts: give `text`, `words` and `finished`.
        copied: gives `copied` with `runs`, pairs of the first word's index in the whole text and
            the number of words, and `longest`.
        scores: give `log_probabilities`, a pair of a word and its log-probability (natural
            logarithm) for each word of the whole text and, if it is finished, for its end.

    Returns:
        The lines.

    Example:
        >>> print(as_jsonl([Text("A net", 2, False, ("a", "net"))]))
        {"text": "A net", "words": 2, "finished": false}
    """
    records: list[dict[str, Any]] = [
        {"text": text.text, "words": text.words, "finished": text.finished} for text in texts
    ]
    for record, found in zip(records, copied or (), strict=False):
        record["copied"] = found._asdict()
    for record, scored in zip(records, scores or (), strict=False):
        record["log_probabilities"] = [(entry.word, entry.log_probability) for entry in scored]
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


FORMATS: dict[str, Format] = {"text": as_text, "jsonl": as_jsonl}


def check_format(name: str, *, log_probabilities: bool) -> None:
    """Checks a format before any text is generated.

    Args:
        name: name of the format.
        log_probabilities: True if they are to be shown.

    Raises:
        ConfigError: if there is no such format, or it shows no log-probabilities.
    """
    if name not in FORMATS:
        raise ConfigError(f"format={name}: there is none of that name, only {', '.join(FORMATS)}")
    if log_probabilities and name == "text":
        raise ConfigError("log_probabilities=true is shown by format=jsonl alone; add format=jsonl")


def score(texts: Sequence[Text], model: TrainedModel) -> list[ScoredText]:
    """Scores each word of generated texts, without the filters of sampling.

    Args:
        texts: generated texts; an unfinished one has no end.
        model: the model that scores them.

    Returns:
        The scores of each text.
    """
    scored = []
    for text in progress("Scoring", texts, unit="texts"):
        entries = model.score_words(text.text)
        scored.append(entries if text.finished else ScoredText(entries[:-1]))
    return scored


def look_up(texts: Sequence[Text], model: TrainedModel, train: Ids) -> list[Copied]:
    """Finds the parts of each text, prompt included, that are in the training set."""
    return find_copied((model.vocabulary.encode(text.tokens) for text in texts), train)


def describe_copied(texts: Sequence[Text], copied: Sequence[Copied]) -> str:
    """Returns a note for the reader of marked texts."""
    words = sum(len(text.tokens) for text in texts)
    stretches = [stretch.words for found in copied for stretch in cover(found.runs)]
    longest = max((found.longest for found in copied), default=0)
    return (
        f"note: {sum(stretches) / max(words, 1):.1%} of the words are copied: they stand in the "
        f"training set in runs of {COPIED} or more words, marked ⟦…⟧ in format=text; the longest "
        f"run of all has {longest}"
    )


def mark(text: Text, runs: Sequence[Run]) -> str:
    """Returns the text with brackets around all that is copied."""
    marked, starts = text.text, word_starts(text.text, text.tokens)
    for first, words in reversed(cover(runs)):
        start, last = starts[first], first + words - 1
        end = starts[last] + len(text.tokens[last])
        marked = f"{marked[:start]}⟦{marked[start:end]}⟧{marked[end:]}"
    return marked
