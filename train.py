"""Trains a language model on patent abstracts, tests it and lets it write: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("train")
def main(config: DictConfig) -> float:
    """Fits, tests the best checkpoint, reports; returns the best valid perplexity."""
    from patentlm.training.run import TrainingRun  # torch takes seconds to import: not for --help

    run = TrainingRun(config)
    if run.is_complete:
        return run.result
    run.begin()
    if run.starts_processes:
        return run.in_processes()
    run.prepare()
    run.fit()
    run.test()
    return run.report()


if __name__ == "__main__":
    main()
