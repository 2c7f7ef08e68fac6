"""Lets a trained model write patent abstracts: see `--help`."""

import sys

from omegaconf import DictConfig, OmegaConf

from patentlm.command import command


@command("generate")
def main(config: DictConfig) -> None:
    """Prints the texts to stdout; what there is to say about them goes to stderr."""
    import patentlm
    from patentlm.evaluation.comparison import training_set
    from patentlm.generation.writing import FORMATS, check_format, describe_copied, look_up, notes
    from patentlm.machine import keep_freed_memory

    check_format(config.format)
    keep_freed_memory()
    model = patentlm.load(config.checkpoint, device=config.device)
    train = training_set(config.checkpoint, model, config.get("data")) if config.novelty else None
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
    copied = None
    if train is not None:
        copied = look_up(texts, model, train)
        print(describe_copied(texts, copied), file=sys.stderr)
    print(FORMATS[config.format](texts, copied))


if __name__ == "__main__":
    main()
