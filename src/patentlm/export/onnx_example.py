"""The example script beside an ONNX file, which needs only onnxruntime."""

from patentlm.data.byte_pairs import BytePairVocabulary
from patentlm.trained_model import TrainedModel

EXAMPLE = '''\
"""Writes a text, always with the likeliest word: python example.py {usage}"""

import json, sys
import numpy as np, onnxruntime

words, session = json.load(open("vocabulary.json")), onnxruntime.InferenceSession("model.onnx")
types = {{"tensor(float)": "float32", "tensor(int64)": "int64"}}
zeros = {{}}  # the state before a text
for part in session.get_inputs()[1:]:
    shape = [1 if isinstance(size, str) else size for size in part.shape]  # for a single text
    zeros[part.name] = np.zeros(shape, types[part.type])
text = [words.index(word) if word in words else 1 for word in sys.argv[1:]]  # 0 is <end>, 1 <unk>
for _ in range(30):
    state = zeros
    for word in {history}:  # {why}
        log_probabilities, *new = session.run(None, {{"word": np.array([word]), **state}})
        state = dict(zip(zeros, new))
    text.append(int(log_probabilities[0, 2:].argmax()) + 2)
print({shown})
'''


def example(model: TrainedModel) -> str:
    """Returns a Python script that generates a text with a model's ONNX file.

    Args:
        model: tells how far back the network looks and whether it uses words or byte pairs.
    """
    context = model.metadata.context
    pieces = isinstance(model.vocabulary, BytePairVocabulary)
    joined = '"".join(words[word] for word in text).encode("latin-1").decode("utf-8", "replace")'
    history, why = "[0, *text]", "a text begins with <end>"
    if isinstance(context, int):
        history = f"([0] * {context} + text)[-{context}:]"
        why = f"it was trained to look back {context} words"
    return EXAMPLE.format(
        usage='"a " "neural "' if pieces else "a neural network",
        history=history,
        why=why,
        shown=joined if pieces else '" ".join(words[word] for word in text)',
    )
