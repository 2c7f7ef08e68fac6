"""Lets a trained model write patent abstracts: see `--help`."""

from omegaconf import DictConfig

from patentlm.command import command
from patentlm.terminal import printable


@command("generate")
def main(config: DictConfig) -> None:
    """Prints the texts to stdout; what there is to say about them goes to stderr."""
    from patentlm import runtime  # torch takes seconds to import: not for --help
    from patentlm.reports.writing import WritingRun

    runtime.prepare()
    run = WritingRun(config)
    run.load()
    run.write()
    run.look_up()
    print(printable(run.report()))


if __name__ == "__main__":
    main()
