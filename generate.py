"""Lets a trained model write patent abstracts: see `--help`."""

import sys

from omegaconf import DictConfig, OmegaConf

from patentlm.command import command


@command("generate")
def main(config: DictConfig) -> None:
    """Prints the texts to stdout; what there is to say about them goes to stderr."""
    import patentlm  # torch takes seconds to import: not for --help
    from patentlm import runtime
    from patentlm.evaluation.dynamic import Settings
    from patentlm.reports import texts as writing
    from patentlm.reports.comparison import training_set

    runtime.prepare()
    writing.check_format(config.format, log_probabilities=config.log_probabilities)
    adaptation = Settings(**config.adaptation) if config.adaptation else None
    model = patentlm.load(config.checkpoint, device=config.device)
    if config.novelty:
        writing.check_novelty(model)
    if config.novelty or adaptation:
        train = training_set(config.checkpoint, model, config.get("data"))
    if adaptation:
        model = model.adapted(config.prompt, train, adaptation)
    if config.cache:
        model = model.with_cache(**config.cache)
    for note in writing.notes(model, config.prompt):
        print(note, file=sys.stderr)
    texts = model.write(
        config.prompt,
        count=config.count,
        seed=config.seed,
        max_words=config.max_words,
        sampling=OmegaConf.to_container(config.sampling),
    )
    copied = None
    if config.novelty:
        copied = writing.look_up(texts, model, train)
        print(writing.describe_copied(texts, copied), file=sys.stderr)
    scores = writing.score(texts, model) if config.log_probabilities else None
    print(writing.FORMATS[config.format](texts, copied, scores))


if __name__ == "__main__":
    main()
