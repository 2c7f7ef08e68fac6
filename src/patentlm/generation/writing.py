"""Generated texts as people and programs read them."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from patentlm.errors import ConfigError
from patentlm.trained_model import Text, TrainedModel

Format = Callable[[Sequence[Text]], str]


def as_text(texts: Sequence[Text]) -> str:
    """The texts with a blank line between them."""
    return "\n\n".join(text.text if text.finished else f"{text.text} …" for text in texts)


def as_jsonl(texts: Sequence[Text]) -> str:
    """A JSON object a line: `text`, `words` and `finished`."""
    return "\n".join(json.dumps(asdict(text), ensure_ascii=False) for text in texts)


FORMATS: dict[str, Format] = {"text": as_text, "jsonl": as_jsonl}


def check_format(name: str) -> None:
    """Checks a format's name before any text is written.

    Raises:
        ConfigError: if there is none of that name.
    """
    if name not in FORMATS:
        raise ConfigError(f"format={name}: there is none of that name, only {', '.join(FORMATS)}")


def notes(model: TrainedModel, prompt: str) -> Iterator[str]:
    """What the reader of generated texts should know."""
    if unknown := model.words.unknown(prompt):
        yield f"note: not in the vocabulary, read as <unk>: {', '.join(unknown)}"
    if "synthetic" in model.contents.label:
        yield f"note: this model was trained on {model.contents.label}"
