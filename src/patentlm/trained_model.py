"""A trained model, loaded from a checkpoint: it generates and scores texts without the corpus."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from patentlm.checkpoint import (
    CheckpointMetadata,
    build_data,
    build_network,
    check_sizes,
    metadata_of,
    read,
    weights_of,
)
from patentlm.data.arrays import Ids
from patentlm.data.corpus import encode_texts
from patentlm.data.text import detokenize
from patentlm.data.windows import evaluation_windows
from patentlm.data.words import END, Vocabulary
from patentlm.errors import CheckpointError, ConfigError
from patentlm.evaluation.dynamic import Settings, adapt, second_moments
from patentlm.evaluation.metrics import Score
from patentlm.evaluation.neighbours import Neighbour, neighbours
from patentlm.evaluation.scoring import score_network
from patentlm.evaluation.trace import Trace, trace
from patentlm.evaluation.word_scores import ScoredText, score_words
from patentlm.generation.generator import generate
from patentlm.model.cache import with_cache
from patentlm.model.ensemble import Ensemble
from patentlm.model.network import Network
from patentlm.paths import members


@dataclass(frozen=True, slots=True)
class Text:
    """A generated text.

    Args:
        text: the whole text, prompt included.
        words: number of words after the prompt.
        finished: False if the text was cut off at the maximum length.
        tokens: all words of the text, prompt included.
    """

    text: str
    words: int
    finished: bool
    tokens: tuple[str, ...]


class TrainedModel:
    """A network with its vocabulary that generates and scores texts.

    Args:
        network: the network, or an ensemble.
        metadata: of the checkpoint it was loaded from.
    """

    def __init__(self, network: Network, metadata: CheckpointMetadata) -> None:
        self.network, self.metadata = network, metadata
        self.vocabulary: Vocabulary = build_data(metadata.tokenizer).load(metadata.vocabulary)

    def with_cache(self, *, size: int | None, theta: float, weight: float) -> "TrainedModel":
        """Returns the model with a neural cache, which never reaches further back than the network.

        Args:
            size: positions in the cache; None for no limit but the network's.
            theta: how strongly similar positions are preferred.
            weight: mixture weight of the cache.

        Raises:
            ConfigError: if a setting does not work, or the model copies already.
        """
        context = self.metadata.context
        if isinstance(context, int):
            size = context if size is None else min(size, context)
        return self._changed(partial(with_cache, size=size, theta=theta, weight=weight))

    def _changed(self, change: Callable[[Network], Network]) -> "TrainedModel":
        """Returns the model with its network, or each member of its ensemble, changed."""
        if isinstance(self.network, Ensemble):
            members = [change(member) for member in self.network.members]
            return TrainedModel(Ensemble(members), self.metadata)
        return TrainedModel(change(self.network), self.metadata)

    def adapted(self, prompt: str, train: Ids, settings: Settings) -> "TrainedModel":
        """Returns a copy of the model that has learned from a prompt.

        See `patentlm.evaluation.dynamic.adapt`.

        Args:
            prompt: text to learn from.
            train: ids of the training set, `(targets + 1,)`.
            settings: of the adaptation.

        Raises:
            ConfigError: if the prompt has no words.
        """
        ids = encode_texts([prompt], self.vocabulary)[:-1]
        if len(ids) == 1:
            raise ConfigError(
                "adaptation=dynamic learns from the prompt, which is empty; give prompt=…, or "
                "leave adaptation out"
            )
        network, context = copy.deepcopy(self.network), self.metadata.context
        squares = second_moments(network, train, settings, context=context)
        adapt(network, ids, squares, settings, context=context)
        return TrainedModel(network, self.metadata)

    def write(
        self,
        prompt: str,
        *,
        count: int,
        seed: int,
        max_words: int | None,
        sampling: Mapping[str, float | None],
    ) -> list[Text]:
        """Generates texts from a prompt, see `patentlm.generation.generator.generate`.

        Words of the prompt that are not in the vocabulary are read as `<unk>` and shown as typed.

        Args:
            prompt: how the texts begin; may be empty.
            count: number of texts.
            seed: random seed.
            max_words: maximum length after the prompt; None for the run's own.
            sampling: filters by name, as `sampling_of` gives them.

        Returns:
            The texts.
        """
        words = self.vocabulary.read(prompt)
        texts = generate(
            self.network,
            prompt=self.vocabulary.encode(words).tolist(),
            count=count,
            seed=seed,
            max_words=self.metadata.max_words if max_words is None else max_words,
            sampling=sampling,
            context=self.metadata.context,
        )
        wholes = [[*words, *self.vocabulary.words_of(text.ids)] for text in texts]
        return [
            Text(detokenize(whole), len(whole) - len(words), text.finished, tuple(whole))
            for whole, text in zip(wholes, texts, strict=True)
        ]

    def sampling_of(self, given: Mapping[str, float | None]) -> dict[str, float | None]:
        """Returns the filters by name, None replaced by the run's own setting."""
        own = self.metadata.sampling
        return {name: own.get(name) if v is None else v for name, v in given.items()}

    def generate(
        self,
        prompt: str = "",
        *,
        count: int = 1,
        seed: int = 1,
        max_words: int | None = None,
        **sampling: float | None,
    ) -> list[str]:
        """Generates texts from a prompt.

        Args:
            prompt: how the texts begin; may be empty.
            count: number of texts.
            seed: random seed.
            max_words: maximum length after the prompt; None for the run's own.
            sampling: filters such as `temperature=0.8, top_p=0.9`, which replace the run's own;
                None turns a filter off.

        Returns:
            The texts, prompt included.

        Raises:
            ConfigError: if a filter's name or value can't work.
        """
        texts = self.write(
            prompt,
            count=count,
            seed=seed,
            max_words=max_words,
            sampling={**self.metadata.sampling, **sampling},
        )
        return [text.text for text in texts]

    def score_words(self, text: str) -> ScoredText:
        """Returns how likely each word of a text is, given the words before it.

        Args:
            text: any text; it is tokenized as the training texts were.

        Returns:
            The `WordScore` of each word and of the end of the text; notebooks show them in colours.
        """
        return score_words(self.network, text, self.vocabulary, context=self.metadata.context)

    def trace(self, text: str) -> Trace:
        """Returns what the network computes as it reads a text: gates, cell states, hidden vectors.

        Args:
            text: read from its beginning; a network with a context of n words reads the last n, as
                it does to predict the word after the text.

        Returns:
            Arrays with the axes layer, word and unit; the first word is the opening `<end>`.

        Raises:
            ConfigError: if the model is an ensemble.
        """
        self._check_single("trace")
        ids = encode_texts([text], self.vocabulary)[:-1].tolist()
        context = self.metadata.context
        if isinstance(context, int):
            ids = ([END] * context + ids)[-context:]
        return trace(self.network, ids, [self.vocabulary.shown(at) for at in ids])

    def neighbours(self, word: str, *, count: int = 10) -> list[Neighbour]:
        """Returns the words with the most similar embedding vectors, the most similar first.

        Args:
            word: a word of the vocabulary.
            count: number of neighbours.

        Returns:
            Pairs of a word and its cosine similarity.

        Raises:
            ConfigError: if the vocabulary lacks the word, or the model is an ensemble.
        """
        self._check_single("neighbours")
        return neighbours(self.network, word, self.vocabulary, count=count)

    def _check_single(self, name: str) -> None:
        if isinstance(self.network, Ensemble):
            raise ConfigError(f"{name}: an ensemble has no single network to look at; load one")

    def perplexity(self, texts: Iterable[str]) -> float:
        """Returns the perplexity over all words and the ends of all texts together."""
        ids = encode_texts(texts, self.vocabulary)
        return self.score(ids, batch_size=32).perplexity

    def score(self, ids: Ids, *, batch_size: int) -> Score:
        """Scores every target of a split.

        Args:
            ids: the split, `(targets + 1,)`.
            batch_size: texts in a batch.
        """
        windows = evaluation_windows(ids, context=self.metadata.context, batch_size=batch_size)
        return score_network(self.network, windows)


def load(path: str | Path, *, device: str | None = None) -> TrainedModel:
    """Loads a trained model, or several as an ensemble; see `patentlm.load`."""
    paths = members(path)
    models = [_load(part, device=device) for part in paths]
    first = models[0]
    for part, model in zip(paths, models, strict=True):
        for name in ("vocabulary", "context"):
            if getattr(model.metadata, name) != getattr(first.metadata, name):
                raise CheckpointError(
                    f"{part}: has another {name} than {paths[0]}; the members of an ensemble share "
                    "one"
                )
    if len(models) == 1:
        return first
    return TrainedModel(Ensemble([model.network for model in models]), first.metadata)


def _load(path: str, *, device: str | None) -> TrainedModel:
    checkpoint = read(path)
    metadata = metadata_of(checkpoint, path)
    words, weights = len(metadata.vocabulary), weights_of(checkpoint)
    try:
        check_sizes(metadata.network, weights, words=words)
        network = build_network(metadata.network, vocabulary=words)
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error}") from error
    network.load_state_dict(weights)
    return TrainedModel(network.eval().to(_usable(device)), metadata)


def _usable(device: str | None) -> str:
    """Returns the device after trying it; None takes a CUDA GPU if there is one."""
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"device={device}: this machine has no such device; leave it out"
        ) from error
    return device
