"""Lets a trained model write patent abstracts: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command
from patentlm.terminal import printable, say


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
        say(note)
    texts = model.write(
        config.prompt,
        count=config.count,
        seed=config.seed,
        max_words=config.max_words,
        sampling=model.sampling_of(config.sampling),
    )
    copied = None
    if config.novelty:
        copied = writing.look_up(texts, model, train)
        say(writing.describe_copied(texts, copied))
    scores = writing.score(texts, model) if config.log_probabilities else None
    print(printable(writing.FORMATS[config.format](texts, copied, scores)))


if __name__ == "__main__":
    main()
