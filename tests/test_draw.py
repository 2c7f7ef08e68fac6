"""One word from logits, whatever was filtered out."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from patentlm.errors import PatentLMError
from patentlm.generation.sampling import apply_filters, draw

NEVER = -math.inf

rows = st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=12).map(
    lambda row: torch.tensor([row])
)


def logits_of(*probabilities):
    return torch.tensor([probabilities], dtype=torch.float64).log()


def test_draw_inverts_the_distribution():
    logits = logits_of(0.25, 0.5, 0.25).expand(5, 3)
    uniforms = torch.tensor([0.0, 0.2, 0.3, 0.7, 0.8])
    assert draw(logits, uniforms).tolist() == [0, 0, 1, 1, 2]


@pytest.mark.parametrize("uniform", [0.0, 1 - 2**-53, 1.0])
@pytest.mark.parametrize("probabilities", [(0, 0.3, 0.7, 0), (0, 0, 1, 0), (0.1, *[0.1] * 9, 0, 0)])
def test_draw_never_hits_an_impossible_word(uniform, probabilities):
    word = draw(logits_of(*probabilities), torch.tensor([uniform], dtype=torch.float64))
    assert probabilities[word] > 0


@given(rows, st.sets(st.integers(0, 11)), st.floats(0, 1, exclude_max=True))
def test_draw_never_lands_on_minus_infinity(logits, out, uniform):
    keep = logits[0].argmax()
    for word in out:
        if word < logits.shape[1] and word != keep:
            logits[0, word] = NEVER
    word = draw(logits, torch.tensor([uniform], dtype=torch.float64))
    assert logits[0, word] > NEVER


@pytest.mark.parametrize("size", [50, 64, 65, 1000])
def test_draw_equals_a_walk_along_the_words(size):
    source = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(40, size, generator=source)
    logits[:, ::3] = NEVER
    uniforms = torch.rand(40, generator=source, dtype=torch.float64)
    for row, uniform, word in zip(logits, uniforms, draw(logits, uniforms), strict=True):
        mass = row.double().softmax(dim=0).cumsum(dim=0)
        assert word == int((mass <= uniform).sum())


def test_draw_frequencies_match_softmax():
    torch.manual_seed(0)
    draws = 50_000
    logits = torch.randn(1, 20)
    counts = draw(logits.expand(draws, 20), torch.rand(draws)).bincount(minlength=20)
    expected = draws * logits.double().softmax(dim=1)[0]
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 43.8  # 19 degrees of freedom: exceeded once in a thousand seeds


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(0, 2**31))
def test_draw_of_a_row_ignores_the_others(size, seed):
    source = torch.Generator().manual_seed(seed)
    logits, uniforms = torch.randn(size, 150, generator=source), torch.rand(size, generator=source)
    alone = [draw(logits[i : i + 1], uniforms[i : i + 1]).item() for i in range(size)]
    assert draw(logits, uniforms).tolist() == alone


@pytest.mark.parametrize("row", [[math.nan, 1.0], [NEVER, NEVER], [math.inf, 0.0]])
@pytest.mark.parametrize("sampling", [{}, {"temperature": 0}, {"temperature": 0.9, "top_p": 0.9}])
def test_draw_refuses_what_are_not_numbers(row, sampling):
    logits = torch.tensor([[0.0, 1.0], row])
    with pytest.raises(PatentLMError, match="no word can be drawn"):
        draw(apply_filters(logits, torch.zeros(2, 0).long(), sampling), torch.rand(2))
