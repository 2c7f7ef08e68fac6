"""The steps of `generate.py`: load a model, write texts, look up what is copied, report."""

from collections.abc import Iterator, Sequence

from omegaconf import DictConfig

from patentlm.data.arrays import Ids
from patentlm.data.byte_pairs import BytePairVocabulary
from patentlm.errors import ConfigError
from patentlm.evaluation.dynamic import Settings
from patentlm.evaluation.memorisation import Copied
from patentlm.reports import texts as reports
from patentlm.reports.comparison import training_set
from patentlm.terminal import say
from patentlm.trained_model import Text, TrainedModel, load


class WritingRun:
    """Texts of a trained model, written as the settings of `generate.py` ask.

    Args:
        config: the settings, as in `conf/generate.yaml`.

    Raises:
        ConfigError: if the format does not show what is asked for.
    """

    def __init__(self, config: DictConfig) -> None:
        reports.check_format(config.format, log_probabilities=config.log_probabilities)
        self.config = config
        self.texts: Sequence[Text] = ()
        self.copied: Sequence[Copied] | None = None

    def load(self) -> None:
        """Loads the model, adapted to the prompt and with a cache where asked for.

        Raises:
            CheckpointError: if the model can't be loaded.
            ConfigError: if copied words can't be told for its vocabulary.
            DataError: if the training set is needed and can't be prepared.
        """
        config = self.config
        self.model = load(config.checkpoint, device=config.device)
        if config.novelty:
            check_novelty(self.model)
        if config.novelty or config.adaptation:
            self.train: Ids = training_set(config.checkpoint, self.model, config.get("data"))
        if config.adaptation:
            settings = Settings(**config.adaptation)
            self.model = self.model.adapted(config.prompt, self.train, settings)
        if config.cache:
            self.model = self.model.with_cache(**config.cache)

    def write(self) -> None:
        """Writes the texts, after notes on what their reader should know."""
        config = self.config
        for note in notes(self.model, config.prompt):
            say(note)
        self.texts = self.model.write(
            config.prompt,
            count=config.count,
            seed=config.seed,
            max_words=config.max_words,
            sampling=self.model.sampling_of(config.sampling),
        )

    def look_up(self) -> None:
        """Finds what the texts copy from the training set, with `novelty=true`."""
        if self.config.novelty:
            self.copied = reports.look_up(self.texts, self.model, self.train)
            say(reports.describe_copied(self.texts, self.copied))

    def report(self) -> str:
        """The texts in the format that is set."""
        config = self.config
        scores = reports.score(self.texts, self.model) if config.log_probabilities else None
        return reports.FORMATS[config.format](self.texts, self.copied, scores)


def check_novelty(model: TrainedModel) -> None:
    """Checks that what a model copies can be looked up.

    Raises:
        ConfigError: if its vocabulary holds byte pairs.
    """
    if isinstance(model.vocabulary, BytePairVocabulary):
        raise ConfigError("novelty=true counts words, and this model's vocabulary is of pieces")


def notes(model: TrainedModel, prompt: str) -> Iterator[str]:
    """Yields what the reader of generated texts should know."""
    if unknown := model.vocabulary.unknown(prompt):
        yield f"note: not in the vocabulary, read as <unk>: {', '.join(unknown)}"
    if "synthetic" in model.metadata.label:
        yield f"note: this model was trained on {model.metadata.label}"
