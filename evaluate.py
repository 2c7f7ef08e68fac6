"""Scores checkpoints and baselines on the same targets, or the texts that checkpoints write, in one
table: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command
from patentlm.terminal import printable


@command("evaluate")
def main(config: DictConfig) -> None:
    """Prints a table, or constants tuned on valid."""
    from patentlm import runtime  # torch takes seconds to import: not for --help
    from patentlm.reports import calibration, comparison, text_quality

    runtime.prepare()
    models = comparison.load_models(config.checkpoint, device=config.device)
    corpora = comparison.corpora_of(models, config.get("data"))
    if config.tune:
        for path, model in models.items():
            print(f"{path}: {calibration.tune(model, corpora[path], config)}")
        return
    compare = text_quality.compare if config.text else comparison.compare
    print(printable(compare(models, corpora, config)))


if __name__ == "__main__":
    main()
