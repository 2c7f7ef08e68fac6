"""Scores checkpoints and baselines on the same targets, in one table: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("evaluate")
def main(config: DictConfig) -> None:
    """Prints the table."""
    from patentlm.evaluation import comparison  # torch takes seconds to import: not for --help

    models = comparison.load_models(config.checkpoint.split(","), device=config.device)
    corpora = comparison.corpora_of(models, config.get("data"))
    print(comparison.compare(models, corpora, config))


if __name__ == "__main__":
    main()
