"""The parts of a training run with the types and ranges of their arguments.

Open parts may name other classes too: a user's own callback, logger, optimizer or schedule.
"""

from patentlm.settings.kinds import (
    ANY_TEXT,
    ANYTHING,
    FLAG,
    TEXT,
    Kind,
    Named,
    Part,
    either,
    list_of,
    nullable,
    number,
    one_of,
    text,
    whole,
)
from patentlm.settings.parts import SEED

BATCH = whole(1, 1_000_000)
PATH = nullable(TEXT)
METRIC = one_of("valid/perplexity", "valid/loss", "valid/accuracy")
POSITIVE = number(0, above=True)
NOT_NEGATIVE = number(0)
BETAS = list_of(number(0, 1, below=True), 2)
LIMIT = nullable(Kind(
    "a whole number of at least 1 or a share above 0, at most 1.0",
    lambda value: whole(1).fits(value) or (isinstance(value, float) and 0 < value <= 1),
))  # fmt: skip
LIMIT_OR_NONE = either(LIMIT, Kind("0", lambda value: value in (0, 0.0) and value is not False))

WINDOWS = Part(
    {
        "patentlm.data.windows.ManyToOne": {
            "length": whole(1, 100_000),
            "stride": whole(1),
            "batch_size": BATCH,
        },
        "patentlm.data.windows.EveryWord": {
            "length": nullable(whole(1)),
            "batch_size": BATCH,
        },
        "patentlm.data.windows.Stream": {
            "length": whole(1, 100_000),
            "batch_size": BATCH,
            "random_length": FLAG,
            "running_text": FLAG,
        },
    }
)

_ADAM = {
    "lr": NOT_NEGATIVE,
    "betas": BETAS,
    "eps": NOT_NEGATIVE,
    "weight_decay": NOT_NEGATIVE,
    "amsgrad": FLAG,
    "fused": FLAG,
}
OPTIMIZER = Part(
    {
        "torch.optim.Adam": _ADAM,
        "torch.optim.AdamW": _ADAM,
        "torch.optim.SGD": {
            "lr": NOT_NEGATIVE,
            "momentum": NOT_NEGATIVE,
            "dampening": NOT_NEGATIVE,
            "weight_decay": NOT_NEGATIVE,
            "nesterov": FLAG,
        },
        "patentlm.training.muon.Muon": {
            **_ADAM,
            "momentum": number(0, 1, below=True),
            "iterations": whole(1, 100),
            "precision": ANYTHING,
        },
    },
    is_open=True,
)

SCHEDULER = Part(
    {
        "torch.optim.lr_scheduler.ConstantLR": {"factor": number(0, 1), "total_iters": whole(0)},
        "torch.optim.lr_scheduler.CosineAnnealingLR": {
            "T_max": nullable(whole(1)),
            "eta_min": NOT_NEGATIVE,
        },
        "torch.optim.lr_scheduler.ExponentialLR": {"gamma": POSITIVE},
        "torch.optim.lr_scheduler.OneCycleLR": {
            "max_lr": NOT_NEGATIVE,
            "total_steps": nullable(whole(1)),
            "pct_start": number(0, 1),
            "div_factor": POSITIVE,
            "final_div_factor": POSITIVE,
            "anneal_strategy": one_of("cos", "linear"),
            "cycle_momentum": FLAG,
        },
        "torch.optim.lr_scheduler.ReduceLROnPlateau": {
            "factor": number(0, 1, below=True),
            "patience": whole(0),
            "threshold": NOT_NEGATIVE,
            "cooldown": whole(0),
            "min_lr": NOT_NEGATIVE,
        },
        "patentlm.training.length.warmup_cosine": {
            "warmup_steps": whole(0),
            "total_steps": nullable(whole(1)),
            "final": number(0, 1),
        },
        "patentlm.training.length.warmup_constant": {"warmup_steps": whole(0)},
    },
    is_open=True,
)

DISTILLATION = {"teacher": TEXT, "experiment": TEXT, "weight": number(0, 1)}
SUBWORDS = {"shortest": whole(1, 100), "longest": whole(1, 100), "min_words": whole(2)}

PROFILER = Part(
    {
        f"pytorch_lightning.profilers.{name}": {"dirpath": PATH, "filename": PATH}
        for name in ("SimpleProfiler", "AdvancedProfiler", "PyTorchProfiler")
    },
    is_open=True,
)

TRAINER = Part(
    {
        "pytorch_lightning.Trainer": {
            "accelerator": one_of("auto", "cpu", "gpu", "cuda", "mps"),
            "strategy": TEXT,
            "devices": either(
                whole(1), one_of(-1), one_of("auto"), list_of(whole(0)), text(r"[0-9, ]+", "0,1")
            ),
            "num_nodes": whole(1),
            "precision": one_of(
                "auto", "32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true"
            ),
            "max_epochs": either(whole(1), one_of(-1)),
            "min_epochs": nullable(whole(1)),
            "max_steps": either(whole(1), one_of(-1)),
            "min_steps": nullable(whole(1)),
            "max_time": nullable(text(r"\d+:\d\d:\d\d:\d\d", "DD:HH:MM:SS")),
            "accumulate_grad_batches": whole(1),
            "gradient_clip_val": nullable(NOT_NEGATIVE),
            "gradient_clip_algorithm": nullable(one_of("norm", "value")),
            "check_val_every_n_epoch": nullable(whole(1)),
            "val_check_interval": LIMIT,
            "limit_train_batches": LIMIT,
            "limit_val_batches": LIMIT_OR_NONE,
            "limit_test_batches": LIMIT_OR_NONE,
            "limit_predict_batches": LIMIT,
            "overfit_batches": either(whole(0), number(0, 1)),
            "fast_dev_run": either(FLAG, whole(0)),
            "log_every_n_steps": whole(1),
            "num_sanity_val_steps": either(whole(0), one_of(-1)),
            "enable_model_summary": FLAG,
            "enable_progress_bar": FLAG,
            "enable_checkpointing": FLAG,
            "logger": FLAG,
            "enable_autolog_hparams": FLAG,
            "deterministic": nullable(either(FLAG, one_of("warn"))),
            "benchmark": nullable(FLAG),
            "detect_anomaly": FLAG,
            "inference_mode": FLAG,
            "barebones": FLAG,
            "sync_batchnorm": FLAG,
            "use_distributed_sampler": FLAG,
            "reload_dataloaders_every_n_epochs": whole(0),
            "default_root_dir": PATH,
            "profiler": PROFILER,
            "plugins": ANYTHING,
        }
    }
)

_WATCH = {"monitor": METRIC, "mode": one_of("min", "max"), "verbose": FLAG}
CALLBACKS = Named(
    Part(
        {
            "patentlm.training.checkpoints.Checkpoints": {
                "dirpath": TEXT,
                "monitor": METRIC,
                "mode": one_of("min", "max"),
                "every_n_steps": nullable(whole(1)),
                "every_n_minutes": nullable(POSITIVE),
            },
            "patentlm.training.stopping.EarlyStopping": {
                **_WATCH,
                "patience": whole(0),
                "min_delta": number(),
                "strict": FLAG,
                "check_finite": FLAG,
                "stopping_threshold": nullable(number()),
                "divergence_threshold": nullable(number()),
            },
            "patentlm.training.throughput.Throughput": {"gflops": FLAG},
            "patentlm.training.progress.ProgressBar": {
                "refresh_rate": whole(0),
                "leave": FLAG,
            },
            "patentlm.training.tensorboard.SampleTexts": {"count": whole(0), "seed": SEED},
            "patentlm.training.tensorboard.WordVectors": {"words": whole(1)},
            "patentlm.training.averaging.NonMonotonicAveraging": {
                "patience": whole(1),
                "monitor": METRIC,
            },
            "patentlm.training.averaging.ExponentialMovingAverage": {
                "decay": number(0, 1),
                "start": whole(0),
            },
            "patentlm.training.averaging.PolynomialAverage": {"power": NOT_NEGATIVE},
            "patentlm.sweeps.pruning.Pruning": {
                "number": ANYTHING,
                "study": ANYTHING,
            },
        },
        is_open=True,
    )
)

_TITLES = {"save_dir": TEXT, "name": ANY_TEXT, "version": nullable(ANY_TEXT)}
LOGGER = Named(
    Part(
        {
            "patentlm.training.loggers.TensorBoard": {**_TITLES, "default_hp_metric": FLAG},
            "patentlm.training.loggers.CSV": _TITLES,
            "pytorch_lightning.loggers.WandbLogger": {
                **_TITLES,
                "project": TEXT,
                "offline": FLAG,
            },
            "pytorch_lightning.loggers.MLFlowLogger": {
                "experiment_name": TEXT,
                "run_name": nullable(ANY_TEXT),
                "tracking_uri": TEXT,
            },
        },
        is_open=True,
    )
)
