"""Scores checkpoints and baselines on the same targets, or the texts that checkpoints write, in one
table: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("evaluate")
def main(config: DictConfig) -> None:
    """Prints the table."""
    # torch takes seconds to import: not for --help
    from patentlm.evaluation import comparison, text_quality

    models = comparison.load_models(config.checkpoint.split(","), device=config.device)
    corpora = comparison.corpora_of(models, config.get("data"))
    compare = text_quality.compare if config.text else comparison.compare
    print(compare(models, corpora, config))


if __name__ == "__main__":
    main()
