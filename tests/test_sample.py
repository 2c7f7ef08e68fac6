import re
from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest

from patentlm.data.records import Patent
from patentlm.data.sample import SLOT, grammar, sample_patents

COUNT = 1000
NEAR = 0.7


def words(text: str) -> list[str]:
    return re.findall(r"\w+(?:-\w+)*|[^\w\s]", text.lower())


def overlaps(texts: list[str]) -> Iterator[tuple[int, int, float]]:
    """Yields (earlier, later, share of five-word runs) for the pairs that share any."""
    holders: dict[tuple[str, ...], list[int]] = {}
    sizes: list[int] = []
    for later, text in enumerate(texts):
        tokens = words(text)
        runs = {tuple(tokens[at : at + 5]) for at in range(len(tokens) - 4)}
        sizes.append(len(runs))
        shared = Counter(earlier for run in runs for earlier in holders.get(run, ()))
        for run in runs:
            holders.setdefault(run, []).append(later)
        for earlier, number in shared.items():
            yield earlier, later, number / min(sizes[earlier], sizes[later])


@pytest.fixture(scope="module")
def patents() -> list[Patent]:
    return list(sample_patents(count=COUNT, seed=1))


@pytest.fixture(scope="module")
def distinct(patents: list[Patent]) -> list[str]:
    """The abstracts without exact duplicates, in order."""
    return list(dict.fromkeys(patent.abstract for patent in patents if patent.abstract))


@pytest.fixture(scope="module")
def pairs(distinct: list[str]) -> list[tuple[int, int, float]]:
    return list(overlaps(distinct))


def test_the_same_seed_gives_the_same_patents(patents: list[Patent]) -> None:
    assert list(sample_patents(count=COUNT, seed=1)) == patents


def test_another_seed_gives_other_abstracts(distinct: list[str]) -> None:
    others = {patent.abstract for patent in sample_patents(count=100, seed=2)} - {""}
    assert others.isdisjoint(distinct)


@pytest.mark.parametrize("count", [0, 1, 150])
def test_a_shorter_corpus_is_the_beginning_of_a_longer_one(
    patents: list[Patent], count: int
) -> None:
    assert list(sample_patents(count=count, seed=1)) == patents[:count]


def test_ids_are_unique_and_plainly_synthetic(patents: list[Patent]) -> None:
    assert patents[0].id == "SYNTHETIC-000001"
    assert patents[-1].id == "SYNTHETIC-001000"
    assert len({patent.id for patent in patents}) == COUNT


def test_dates_are_grant_days_in_order(patents: list[Patent]) -> None:
    dates = [date.fromisoformat(patent.date) for patent in patents]
    assert dates == sorted(dates)
    assert dates[0].year == 1985
    assert dates[-1].year <= 2018
    assert {day.strftime("%A") for day in dates} == {"Tuesday"}


def test_abstracts_have_the_usual_size(distinct: list[str]) -> None:
    for abstract in distinct:
        assert 40 <= len(abstract.split()) <= 110, abstract
        assert 2 <= len(re.findall(r"\.(?: |$)", abstract)) <= 5, abstract


def test_abstracts_are_tidy_prose_on_neural_networks(patents: list[Patent]) -> None:
    for patent in patents:
        for text in filter(None, (patent.title, patent.abstract)):
            assert text[0].isupper(), text
            assert not re.search(r"[{}|_]|  |\s[,.;)]|\(\s", text), text
            assert not re.search(r"\b[Aa] [aeio]|\b[Aa]n [^aeiou]", text), text
        assert not patent.abstract or "neural network" in patent.abstract
        assert not patent.abstract or patent.abstract.endswith(".")


def test_the_vocabulary_is_small_enough_to_learn(distinct: list[str]) -> None:
    counts = Counter(word for abstract in distinct for word in words(abstract))
    assert 700 <= len(counts) <= 1200
    assert sum(count == 1 for count in counts.values()) < 30


def test_every_patent_has_a_title_and_a_few_have_no_abstract(patents: list[Patent]) -> None:
    assert all(patent.title for patent in patents)
    assert 0.01 <= sum(not patent.abstract for patent in patents) / COUNT <= 0.02


def test_some_patents_repeat_an_earlier_abstract(
    patents: list[Patent], distinct: list[str]
) -> None:
    with_abstract = sum(bool(patent.abstract) for patent in patents)
    assert 0.04 <= (with_abstract - len(distinct)) / COUNT <= 0.08


def test_some_patents_nearly_repeat_an_earlier_abstract(
    pairs: list[tuple[int, int, float]],
) -> None:
    near_duplicates = {later for _, later, share in pairs if share > NEAR}
    assert 0.04 <= len(near_duplicates) / COUNT <= 0.08


def test_other_abstracts_share_few_phrases(
    distinct: list[str], pairs: list[tuple[int, int, float]]
) -> None:
    near_duplicates = {later for _, later, share in pairs if share > NEAR}
    number = len(distinct) - len(near_duplicates)
    shares = [share for *pair, share in pairs if near_duplicates.isdisjoint(pair)]
    assert max(shares) < 0.6
    assert sum(share >= 0.3 for share in shares) < 1e-4 * number * (number - 1) / 2


def test_later_sentences_stay_with_the_subject_of_the_first(distinct: list[str]) -> None:
    tasks = [task for domain in grammar()["domains"] for task in domain["task"]]
    named = [{task for task in tasks if task in abstract.lower()} for abstract in distinct]
    assert max(map(len, named)) == 1


def test_every_slot_of_the_grammar_has_options() -> None:
    domains, phrases, sentences = (grammar()[part] for part in ("domains", "phrases", "sentences"))
    known = {*phrases, *domains[0], "extra", "kind", "net"}
    productions = [text for texts in [*phrases.values(), *sentences.values()] for text in texts]
    slots = {slot for text in productions for slot in SLOT.findall(text) if "|" not in slot}
    assert slots <= known
    assert all(domain.keys() == domains[0].keys() for domain in domains)
    assert phrases.keys().isdisjoint(sentences)
