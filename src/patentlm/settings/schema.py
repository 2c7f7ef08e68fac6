"""All settings of the scripts with their types and ranges.

A new option in `conf/` gets an entry here, in `training.py` if it is part of a training run, or in
`parts.py` if checkpoints hold it; a test fails until it has one. Errors, `--help` and the reference
of settings read it. It is plain Python without heavy imports, since `--help` reads it: structured
configs have types but no ranges, and pydantic takes longer to import than `--help` takes to print,
and would repeat every default.
"""

from patentlm.settings.kinds import (
    ANY_TEXT,
    ANYTHING,
    FLAG,
    TEXT,
    Part,
    Schema,
    Table,
    list_of,
    nullable,
    number,
    one_of,
    text,
    whole,
)
from patentlm.settings.parts import DATA, MODEL, SAMPLING, SEED, TOKENIZER
from patentlm.settings.training import (
    BATCH,
    CALLBACKS,
    DISTILLATION,
    LOGGER,
    NOT_NEGATIVE,
    OPTIMIZER,
    PATH,
    POSITIVE,
    SCHEDULER,
    SUBWORDS,
    TRAINER,
    WINDOWS,
)

DEVICE = nullable(text(r"cpu|mps|cuda(:\d{1,3})?", "cpu, cuda, cuda:NUMBER or mps"))
CACHE = {"size": nullable(whole(1)), "theta": NOT_NEGATIVE, "weight": number(0, 1, below=True)}
ADAPTATION = {
    "segment": whole(1),
    "learning_rate": NOT_NEGATIVE,
    "decay": NOT_NEGATIVE,
    "epsilon": POSITIVE,
    "batches": whole(1),
    "batch_size": BATCH,
}
MIXTURE = {
    "ngram_order": whole(0, 20),
    "cache_size": whole(0),
    "neighbours": whole(0),
    "abstracts": nullable(whole(1)),
}
COUNT = whole(1, 100_000)
MAX_WORDS = whole(1, 100_000)

TRAIN: dict[str, Schema] = {
    "data": DATA,
    "tokenizer": TOKENIZER,
    "windows": WINDOWS,
    "model": MODEL,
    "optimizer": OPTIMIZER,
    "scheduler": SCHEDULER,
    "subwords": SUBWORDS,
    "distillation": DISTILLATION,
    "trainer": TRAINER,
    "callbacks": CALLBACKS,
    "logger": LOGGER,
    "sampling": SAMPLING,
    "seed": SEED,
    "shuffle": FLAG,
    "penalty": Table(activation=NOT_NEGATIVE, temporal=NOT_NEGATIVE),
    "ckpt_path": PATH,
    "init_from": PATH,
    "word_vectors": PATH,
    "evaluation_batch_size": BATCH,
    "samples": Table(count=whole(0, 100_000), max_words=MAX_WORDS),
    "page": FLAG,
}

EVALUATE: dict[str, Schema] = {
    "data": DATA,
    "sampling": SAMPLING,
    "cache": CACHE,
    "adaptation": ADAPTATION,
    "mixture": MIXTURE,
    "checkpoint": TEXT,
    "path": PATH,
    "split": one_of("train", "valid", "test"),
    "report": Part(
        {
            "patentlm.reports.comparison.compare": {},
            "patentlm.reports.text_quality.compare": {},
            "patentlm.reports.years.compare": {},
            "patentlm.reports.calibration.calibrate": {"abstracts": whole(1)},
        }
    ),
    "ngram_order": whole(1, 20),
    "evaluation_batch_size": BATCH,
    "samples": Table(count=COUNT, max_words=nullable(MAX_WORDS)),
    "seed": SEED,
    "device": DEVICE,
}

GENERATE: dict[str, Schema] = {
    "data": DATA,
    "sampling": SAMPLING,
    "cache": CACHE,
    "adaptation": ADAPTATION,
    "checkpoint": TEXT,
    "prompt": ANY_TEXT,
    "count": COUNT,
    "seed": SEED,
    "max_words": nullable(MAX_WORDS),
    "format": one_of("text", "jsonl"),
    "novelty": FLAG,
    "log_probabilities": FLAG,
    "device": DEVICE,
}

_WEIGHTS = one_of("float32", "float16", "int8")
EXPORT: dict[str, Schema] = {
    "data": DATA,
    "checkpoint": TEXT,
    "path": PATH,
    "weights": _WEIGHTS,
    "int8": FLAG,
    "format": one_of("page", "onnx", "safetensors"),
    "formats": Table(
        {
            "page": Part({"patentlm.export.page.write": {"path": PATH, "weights": _WEIGHTS}}),
            "onnx": Part({"patentlm.export.onnx.write": {"path": PATH, "int8": FLAG}}),
            "safetensors": Part({"patentlm.export.safetensors.write": {"path": PATH}}),
        }
    ),
}

PREPARE: dict[str, Schema] = {
    "data": DATA,
    "tokenizer": TOKENIZER,
    "show": nullable(whole(0)),
    "format": one_of("text", "json"),
}

_STUDY = {
    "sampler": Part(
        {"optuna.samplers.TPESampler": {"seed": nullable(SEED), "n_startup_trials": whole(0)}},
        is_open=True,
    ),
    "pruner": Part(
        {
            "optuna.pruners.MedianPruner": {
                "n_startup_trials": whole(0),
                "n_warmup_steps": whole(0),
                "interval_steps": whole(1),
            }
        },
        is_open=True,
    ),
}
SWEEPER = Part(
    {
        "hydra_plugins.patentlm_optuna.sweeper.OptunaSweeper": {
            **_STUDY,
            "n_trials": whole(1),
            "n_jobs": whole(1),
            "storage": TEXT,
            "study_name": TEXT,
            "params": ANYTHING,
        }
    },
    is_open=True,
)
_MAYBE_TEXT = nullable(TEXT)
LAUNCHER = Part(
    {
        "hydra_plugins.hydra_submitit_launcher.submitit_launcher.SlurmLauncher": {
            "submitit_folder": TEXT,
            "name": TEXT,
            "partition": _MAYBE_TEXT,
            "account": _MAYBE_TEXT,
            "qos": _MAYBE_TEXT,
            "nodes": whole(1),
            "tasks_per_node": whole(1),
            "gpus_per_node": nullable(whole(0)),
            "cpus_per_task": nullable(whole(1)),
            "mem_gb": nullable(POSITIVE),
            "array_parallelism": whole(1),
            "timeout_min": whole(1),
            "signal_delay_s": whole(0),
            "max_num_timeout": whole(0),
            "additional_parameters": ANYTHING,
            "setup": nullable(list_of(ANY_TEXT)),
        }
    },
    is_open=True,
)
HYDRA: dict[str, Schema] = {
    "run": {"dir": TEXT},
    "sweep": {"dir": TEXT},
    "sweeper": SWEEPER,
    "launcher": LAUNCHER,
}
"""Those of Hydra's own settings that `conf/` sets; Hydra checks the types of the others."""

SCRIPTS: dict[str, dict[str, Schema]] = {
    "train": TRAIN,
    "evaluate": EVALUATE,
    "generate": GENERATE,
    "export": EXPORT,
    "prepare": PREPARE,
}
"""Settings by script."""
