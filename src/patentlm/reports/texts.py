"""Generated texts as people and programs read them."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from patentlm.data.arrays import Ids
from patentlm.data.byte_pairs import BytePairVocabulary
from patentlm.data.words import word_starts
from patentlm.errors import ConfigError
from patentlm.evaluation.memorisation import COPIED, Copied, Run, cover, find_copied
from patentlm.trained_model import Text, TrainedModel

Format = Callable[[Sequence[Text], Sequence[Copied] | None], str]
"""From texts, and what of each is copied if that was looked for."""


def as_text(texts: Sequence[Text], copied: Sequence[Copied] | None) -> str:
    """The texts with a blank line between them, what is copied in brackets."""
    shown = [text.text for text in texts]
    if copied is not None:
        shown = [mark(text, found.runs) for text, found in zip(texts, copied, strict=True)]
    ends = ["" if text.finished else " …" for text in texts]
    return "\n\n".join(text + end for text, end in zip(shown, ends, strict=True))


def as_jsonl(texts: Sequence[Text], copied: Sequence[Copied] | None) -> str:
    """A JSON object a line: `text`, `words` and `finished`; and `copied`, with `runs`, pairs of a
    first word and a number of words, both counted in the whole text, and `longest`."""
    records: list[dict[str, Any]] = [
        {"text": text.text, "words": text.words, "finished": text.finished} for text in texts
    ]
    for record, found in zip(records, copied or (), strict=False):
        record["copied"] = found._asdict()
    return "\n".join(json.dumps(record, ensure_ascii=False) for record in records)


FORMATS: dict[str, Format] = {"text": as_text, "jsonl": as_jsonl}


def check_format(name: str) -> None:
    """Checks a format's name before any text is written.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in FORMATS:
        raise ConfigError(f"format={name}: there is none of that name, only {', '.join(FORMATS)}")


def check_novelty(model: TrainedModel) -> None:
    """Checks that what a model copies can be looked up.

    Raises:
        ConfigError: if its vocabulary is one of pieces.
    """
    if isinstance(model.vocabulary, BytePairVocabulary):
        raise ConfigError("novelty=true counts words, and this model's vocabulary is of pieces")


def notes(model: TrainedModel, prompt: str) -> Iterator[str]:
    """What the reader of generated texts should know."""
    if unknown := model.vocabulary.unknown(prompt):
        yield f"note: not in the vocabulary, read as <unk>: {', '.join(unknown)}"
    if "synthetic" in model.metadata.label:
        yield f"note: this model was trained on {model.metadata.label}"


def look_up(texts: Sequence[Text], model: TrainedModel, train: Ids) -> list[Copied]:
    """What of each text, its prompt included, stands in the training set."""
    return find_copied((model.vocabulary.encode(text.tokens) for text in texts), train)


def describe_copied(texts: Sequence[Text], copied: Sequence[Copied]) -> str:
    """What the reader of marked texts should know."""
    words = sum(len(text.tokens) for text in texts)
    stretches = [stretch.words for found in copied for stretch in cover(found.runs)]
    longest = max((found.longest for found in copied), default=0)
    return (
        f"note: {sum(stretches) / max(words, 1):.1%} of the words are copied: they stand in the "
        f"training set in runs of {COPIED} or more words, marked ⟦…⟧ in format=text; the longest "
        f"run of all has {longest}"
    )


def mark(text: Text, runs: Sequence[Run]) -> str:
    """The text with brackets around all that is copied."""
    marked, starts = text.text, word_starts(text.text, text.tokens)
    for first, words in reversed(cover(runs)):
        start, last = starts[first], first + words - 1
        end = starts[last] + len(text.tokens[last])
        marked = f"{marked[:start]}⟦{marked[start:end]}⟧{marked[end:]}"
    return marked
