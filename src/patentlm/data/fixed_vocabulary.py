"""A tokenizer with a given vocabulary, to read new texts for a trained model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from patentlm.data.words import Tokenizer, Vocabulary


@dataclass(frozen=True, kw_only=True)
class FixedVocabulary(Tokenizer):
    """Reads texts with a vocabulary that was chosen elsewhere.

    Args:
        tokenizer: the tokenizer that chose it.
        vocabulary: words by id.
    """

    tokenizer: Tokenizer
    vocabulary: tuple[str, ...]

    def train(
        self, words: Sequence[str], counts: NDArray[np.integer[Any]], *, tokenised: bool
    ) -> Vocabulary:
        return self.load(self.vocabulary)

    def load(self, vocabulary: Sequence[str]) -> Vocabulary:
        return self.tokenizer.load(vocabulary)
