"""Collects what the page shows beside the network: test abstracts, samples, map, run."""

from typing import Any

import numpy as np

from patentlm.data.byte_pairs import BytePairVocabulary
from patentlm.data.corpus import Corpus
from patentlm.data.windows import abstract_starts
from patentlm.data.words import UNK, Vocabulary
from patentlm.errors import PatentLMError
from patentlm.evaluation.memorisation import cover, find_copied
from patentlm.export.page.story import Missing, tell, without_folders
from patentlm.export.page.word_map import WORDS, word_map
from patentlm.export.run import ExportedRun

ABSTRACTS = 40
SHORTEST = 30
"""Minimum number of words of an abstract that is shown."""
SAMPLES = 3


def gather(run: ExportedRun, weights: str) -> dict[str, Any]:
    """Collects all of it as plain values; `missing` explains in a line what is not available.

    Args:
        run: the trained model and its run's folder.
        weights: format of the weights, whose loss of accuracy is measured.

    Returns:
        Plain values by name.
    """
    missing: Missing = {}
    corpus = _corpus(run, missing)
    return {
        "abstracts": None if corpus is None else abstracts(corpus),
        "map": _map(run),
        "run": {**tell(run, corpus, weights, missing), "samples": _samples(run, corpus, missing)},
        "missing": missing,
    }


def _corpus(run: ExportedRun, missing: Missing) -> Corpus | None:
    """Returns the corpus, if it is available."""
    try:
        return run.prepare_corpus()
    except PatentLMError as error:
        line = f"The data were not at hand when this page was made ({without_folders(str(error))})."
        missing |= dict.fromkeys(("abstracts", "table", "novelty"), line)
        return None


def abstracts(corpus: Corpus) -> list[dict[str, Any]]:
    """Returns abstracts from all over test, those with the fewest unknown words first."""
    ids = np.asarray(corpus.ids("test"))
    parts = [part[1:].tolist() for part in np.split(ids[:-1], abstract_starts(ids)[1:-1])]
    long = [part for part in parts if len(part) >= SHORTEST] or parts
    known = sorted(long, key=lambda part: part.count(UNK) / max(1, len(part)))
    return [{"words": corpus.vocabulary.words_of(part)} for part in known[:ABSTRACTS]]


def _map(run: ExportedRun) -> dict[str, Any]:
    """Returns a map of the most frequent words, which come first in the vocabulary."""
    vocabulary = run.model.vocabulary
    ids = [at for at in range(UNK + 1, len(vocabulary)) if _is_word(vocabulary, at)]
    vectors = run.model.network.embedding.weight.numpy(force=True)
    return word_map(vectors, ids[:WORDS] or [UNK])


def _is_word(vocabulary: Vocabulary, at: int) -> bool:
    token = vocabulary.tokens[at]
    if isinstance(vocabulary, BytePairVocabulary):
        return token.endswith(" ") and len(token) > 2 and token[:-1].isalpha() and token.isascii()
    return token[:1].isalpha()


def _samples(run: ExportedRun, corpus: Corpus | None, missing: Missing) -> list[dict[str, Any]]:
    """Returns the texts of `samples.txt` word by word, with what they copy from train."""
    model = run.model
    texts = model.write(
        "",
        count=SAMPLES,
        seed=model.metadata.seed,
        max_words=model.metadata.max_words,
        sampling=model.metadata.sampling,
    )
    samples: list[dict[str, Any]] = [
        {"words": list(text.tokens), "copied": None, "longest": None} for text in texts
    ]
    if isinstance(model.vocabulary, BytePairVocabulary):
        missing["novelty"] = (
            "Copied runs are counted in words; this network's vocabulary is of pieces."
        )
    elif corpus is not None:
        ids = (model.vocabulary.encode(text.tokens) for text in texts)
        for sample, found in zip(samples, find_copied(ids, corpus.ids("train")), strict=True):
            sample |= {
                "copied": [list(part) for part in cover(found.runs)],
                "longest": found.longest,
            }
    return samples
