"""The closed registry: classes of data, tokenizers and networks with their arguments.

Configs and checkpoints can name no other class here. A class of your own gets an entry here and a
YAML file in `conf/`.
"""

from typing import Any

from patentlm.settings.kinds import (
    ANY_TEXT,
    DATE,
    ENCODING,
    FLAG,
    TEXT,
    URL,
    Kind,
    Part,
    Schema,
    either,
    list_of,
    nullable,
    number,
    one_of,
    whole,
)

PORTAL = "https://api.uspto.gov/api/v1"
"""The only host that is asked for data named in a checkpoint, and that gets the key."""

SIZE = whole(1, 65_536)
SEED = whole(0, 2**32 - 1)
DROPOUT = number(0, 1, below=True)
SHARE = number(0, 1, below=True)


def _is_query(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None or (isinstance(value, str) and bool(value.strip()))
    phrases = list_of(TEXT)
    return bool(value) and all(
        name in ("all", "any") and (TEXT.fits(some) or phrases.fits(some))
        for name, some in value.items()
    )


def _is_text_by_name(value: Any) -> bool:
    return isinstance(value, dict) and list_of(ANY_TEXT).fits([*value, *value.values()])


QUERY = Kind("null, a phrase, or {all: [PHRASE, …], any: [PHRASE, …]}", _is_query)

NEAR_DUPLICATES = {
    "shingle": whole(1, 1000),
    "overlap": number(0, 1, above=True),
    "exact_up_to": whole(0),
}

PATENTS: dict[str, Schema] = {
    "query": QUERY,
    "cleaning": Part(
        {
            "patentlm.data.cleaning.Cleaning": {
                "quotes": FLAG,
                "entities": FLAG,
                "tags": FLAG,
                "codes": FLAG,
                "figure_references": FLAG,
                "markers": list_of(TEXT),
            }
        }
    ),
    "split": Part(
        {
            "patentlm.data.splits.ClusterSplit": {"valid": SHARE, "test": SHARE, **NEAR_DUPLICATES},
            "patentlm.data.splits.DateSplit": {
                "test_from": DATE,
                "valid": SHARE,
                **NEAR_DUPLICATES,
            },
        }
    ),
}

ENCODED: dict[str, Schema] = {
    "encoding": ENCODING,
    "encoding_errors": one_of("strict", "replace"),
}
DATA = Part(
    {
        "patentlm.data.sources.SampleSource": {
            **PATENTS,
            "count": whole(1, 10_000_000),
            "seed": SEED,
        },
        "patentlm.data.sources.FileSource": {
            **PATENTS,
            "path": TEXT,
            **ENCODED,
            "column": nullable(TEXT),
            "language": nullable(TEXT),
            "delimiter": nullable(TEXT),
            "quoting": nullable(one_of("minimal", "none")),
            "skip_lines": nullable(whole(0)),
        },
        "patentlm.data.sources.CorpusSource": {"path": TEXT, **ENCODED},
        "patentlm.data.patentsview.source.PatentsViewSource": {
            **PATENTS,
            "api_url": URL,
            "release": either(one_of("latest", "cached"), DATE),
            "granted_from": nullable(DATE),
            "granted_to": nullable(DATE),
            "titles": FLAG,
        },
    }
)

TOKENIZER = Part(
    {
        "patentlm.data.words.WordTokenizer": {
            "min_count": whole(1),
            "max_words": nullable(whole(1)),
        },
        "patentlm.data.byte_pairs.BytePairTokenizer": {"vocabulary": whole(253, 10_000_000)},
    }
)

CELL = Part(
    {
        "patentlm.model.cells.LSTM": {},
        "patentlm.model.cells.WeightDropLSTM": {"weight_drop": DROPOUT},
        "patentlm.model.cells.MogrifierLSTM": {
            "rounds": whole(0, 100),
            "rank": nullable(SIZE),
        },
        "patentlm.model.linear_recurrence.QRNN": {"width": whole(1, 2)},
        "patentlm.model.linear_recurrence.MinLSTM": {},
        "patentlm.model.matrix_memory.MLSTM": {"heads": SIZE},
        "torch.nn.GRU": {},
        "torch.nn.LSTM": {},
    }
)

CUTOFFS = Kind(
    "a list of ascending whole numbers of at least 1",
    lambda value: list_of(whole(1)).fits(value) and list(value) == sorted({*value}),
)

SOFTMAX: dict[str, dict[str, Any]] = {
    "patentlm.model.head.SoftmaxHead": {},
    "patentlm.model.head.TiedHead": {},
    "patentlm.model.head.MixtureOfSoftmaxes": {"mixtures": whole(1, 1000)},
    "patentlm.model.adaptive.AdaptiveHead": {
        "cutoffs": CUTOFFS,
        "shrink": number(1, 1000),
        "tied": FLAG,
    },
}

HEAD = Part(
    {
        **SOFTMAX,
        "patentlm.model.pointer.PointerSentinelHead": {
            "softmax": Part(SOFTMAX),
            "size": nullable(whole(1)),
            "match": whole(0, 100),
            "word_bias": FLAG,
        },
    }
)

MODEL = Part(
    {
        "patentlm.model.network.Network": {
            "embedding_size": SIZE,
            "hidden_size": SIZE,
            "layers": whole(1, 1000),
            "dropout": DROPOUT,
            "input_dropout": DROPOUT,
            "output_dropout": DROPOUT,
            "locked_dropout": FLAG,
            "embedding_dropout": DROPOUT,
            "frozen_embedding": FLAG,
            "cell": CELL,
            "head": HEAD,
        }
    }
)

SAMPLING: dict[str, Kind] = {
    "repetition_penalty": nullable(number(0, 1000, above=True)),
    "no_repeat_ngram": nullable(whole(0)),
    "temperature": nullable(number(0, 1000)),
    "top_k": nullable(whole(1)),
    "top_p": nullable(number(0, 1, above=True)),
    "min_p": nullable(number(0, 1)),
}

ENTRY: dict[str, Schema] = {
    "network": MODEL,
    "data": DATA,
    "tokenizer": TOKENIZER,
    "sampling": SAMPLING,
    "max_words": whole(1, 1_000_000),
    "seed": SEED,
    "label": ANY_TEXT,
    "fingerprint": ANY_TEXT,
    "vocabulary": list_of(ANY_TEXT),
    "context": nullable(either(whole(1, 100_000), one_of("running text"))),
    "versions": Kind("text by name", _is_text_by_name),
}
"""The metadata of a checkpoint."""
