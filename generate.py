"""Lets a trained model write patent abstracts: see `--help`."""

import sys

from omegaconf import DictConfig, OmegaConf

from patentlm.command import command


@command("generate")
def main(config: DictConfig) -> None:
    """Prints the texts to stdout; what there is to say about them goes to stderr."""
    import patentlm
    from patentlm.generation.writing import FORMATS, check_format, notes

    check_format(config.format)
    model = patentlm.load(config.checkpoint, device=config.device)
    if config.cache:
        model = model.with_cache(**config.cache)
    for note in notes(model, config.prompt):
        print(note, file=sys.stderr)
    texts = model.write(
        config.prompt,
        count=config.count,
        seed=config.seed,
        max_words=config.max_words,
        sampling=OmegaConf.to_container(config.sampling),
    )
    print(FORMATS[config.format](texts))


if __name__ == "__main__":
    main()
