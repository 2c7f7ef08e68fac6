"""Exports a trained model as files that work elsewhere: see `--help`."""

from hydra.utils import instantiate
from omegaconf import DictConfig

from patentlm.command import command


@command("export")
def main(config: DictConfig) -> None:
    """Writes the files; prints where they are and what they hold."""
    import patentlm  # torch takes seconds to import: not for --help
    from patentlm import runtime
    from patentlm.export.run import ExportedRun
    from patentlm.reports.comparison import corpora_of

    runtime.prepare()
    write = instantiate(config.formats[config.format])
    path = config.checkpoint
    model = patentlm.load(path, device="cpu")
    run = ExportedRun.of(path, model, lambda: corpora_of({path: model}, config.get("data"))[path])
    print(write(run))


if __name__ == "__main__":
    main()
