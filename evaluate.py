"""Scores checkpoints and baselines on the same targets, in one table: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("evaluate")
def main(config: DictConfig) -> None:
    """Prints the table, or constants tuned on valid."""
    import torch  # takes seconds: not for --help

    from patentlm.evaluation import comparison, tuning

    torch.set_flush_denormal(True)  # denormals slow gradients many-fold on CPUs
    models = comparison.load_models(config.checkpoint.split(","), device=config.device)
    corpus = comparison.corpus_of(models, config.get("data"))
    if not config.tune:
        print(comparison.compare(models, corpus, config))
        return
    for path, model in models.items():
        print(f"{path}: {tuning.tune(model, corpus, config)}")


if __name__ == "__main__":
    main()
