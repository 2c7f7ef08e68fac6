"""Trains a language model on patent abstracts, tests it and lets it write: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("train")
def main(config: DictConfig) -> float:
    """Trains as a run in its folder; returns the best valid perplexity."""
    from patentlm.training.run import train  # torch takes seconds to import: not for --help

    return train(config)


if __name__ == "__main__":
    main()
