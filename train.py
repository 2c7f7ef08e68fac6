"""Trains a language model on patent abstracts, tests it and lets it write: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("train")
def main(config: DictConfig) -> float:
    """Fits, tests the best checkpoint, reports; returns the best valid perplexity."""
    from patentlm.training.run import run  # torch takes seconds to import: not for --help

    return run(config)


if __name__ == "__main__":
    main()
