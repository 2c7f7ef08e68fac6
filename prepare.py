"""Prepares a corpus and shows what was read, before anything is trained: see `--help`."""

from omegaconf import DictConfig, OmegaConf

from patentlm.command import command


@command("prepare")
def main(config: DictConfig) -> None:
    """Prints counts, shares, warnings and texts to stdout."""
    # torch takes seconds to import: not for --help
    from patentlm.checkpoint import build_data
    from patentlm.data.preparation import prepare
    from patentlm.reports import preview

    plain = OmegaConf.to_container(config, resolve=True)
    source = build_data(plain["data"])
    corpus = prepare(source, build_data(plain["tokenizer"]))
    print(preview.FORMATS[config.format](source, corpus, config.show))


if __name__ == "__main__":
    main()
