"""Trains a language model on patent abstracts, tests it and lets it write: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command


@command("train")
def main(config: DictConfig) -> float:
    """Fits, tests the best checkpoint, reports; returns the best valid perplexity."""
    from patentlm import training  # torch takes seconds to import: not for --help

    training.prepare_process(config.seed)
    trainer = training.make_trainer(config)
    data = training.make_data(config)
    contents = training.make_contents(config, data)
    model = training.make_model(config, data, contents)
    training.fit(trainer, model, data, contents, config.ckpt_path)
    trainer.test(model, datamodule=data, verbose=False)
    return training.report(trainer, model, data, contents, config.samples.count)


if __name__ == "__main__":
    main()
