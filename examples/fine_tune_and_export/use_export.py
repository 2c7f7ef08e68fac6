"""Writes with an exported model: `use_export.py FOLDER`."""

import sys

import patentlm


def main(folder: str) -> None:
    """Prints two abstracts and the perplexity of a sentence."""
    model = patentlm.load(folder)
    for text in model.generate("an image", count=2, seed=1, temperature=0.8, top_p=0.9):
        print(text, end="\n\n")
    print(f"perplexity: {model.perplexity(['A neural network classifies images.']):.1f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
