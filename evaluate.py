"""Tells of trained models: their scores, their texts or their best constants: see `--help`."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from patentlm.command import command
from patentlm.terminal import printable


@command("evaluate")
def main(config: DictConfig) -> None:
    """Prints the report that is chosen."""
    from patentlm import runtime  # torch takes seconds to import: not for --help
    from patentlm.reports.comparison import corpora_of, load_models
    from patentlm.reports.mixture import check_mixture

    check_mixture(config)
    runtime.prepare()
    report = instantiate(config.report)
    models = load_models(config.checkpoint, device=config.device)
    corpora = corpora_of(models, config.get("data"))
    print(printable(report(models, corpora, config)))


if __name__ == "__main__":
    main()
