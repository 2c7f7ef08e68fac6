"""A map of words: their embedding vectors in two dimensions."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

WORDS = 400
NEIGHBOURS = 20
"""The perplexity of t-SNE: about how many neighbours each word has."""


def word_map(vectors: NDArray[np.float32], ids: list[int]) -> dict[str, Any]:
    """Places words on a plane, from -1 to 1 both ways; similar words are close to each other.

    Args:
        vectors: vectors of all words, `(V, E)`.
        ids: ids of the words on the map.

    Returns:
        `ids`, and the coordinates `x` and `y` of each.
    """
    chosen = vectors[ids].astype(np.float64)
    chosen /= np.maximum(np.linalg.norm(chosen, axis=1, keepdims=True), 1e-12)
    places = tsne(chosen) if len(ids) > 4 * NEIGHBOURS else _principal(chosen)
    places -= (places.max(axis=0) + places.min(axis=0)) / 2
    places /= max(np.abs(places).max(), 1e-12)
    x, y = places.round(3).T.tolist()
    return {"ids": ids, "x": x, "y": y}


def tsne(vectors: Points, steps: int = 300) -> Points:
    """Computes exact t-SNE (van der Maaten & Hinton 2008), started from principal components.

    Args:
        vectors: vectors, `(N, E)`.
        steps: steps of gradient descent.

    Returns:
        Coordinates `(N, 2)`, the same for the same vectors.
    """
    near = _affinities(_square_distances(vectors))
    places = _principal(vectors)
    places *= 1e-2 / max(places.std(), 1e-12)
    velocity = np.zeros_like(places)
    for step in range(steps):
        early = step < steps // 4
        closeness = 1 / (1 + _square_distances(places))
        np.fill_diagonal(closeness, 0)
        pull = near * (8 if early else 1) - closeness / closeness.sum()  # (N, N)
        forces = pull * closeness
        gradient = 4 * (forces.sum(axis=1, keepdims=True) * places - forces @ places)
        velocity = (0.5 if early else 0.8) * velocity - len(places) / 8 * gradient
        places = places + velocity
    return places


def _affinities(distances: Points) -> Points:
    """Returns affinities `(N, N)`: Gaussians that reach about `NEIGHBOURS` others."""
    width = np.sort(distances, axis=1)[:, NEIGHBOURS, None] / 3
    near = np.exp(-distances / np.maximum(width, 1e-12))
    np.fill_diagonal(near, 0)
    near /= near.sum(axis=1, keepdims=True)
    return (near + near.T) / (2 * len(near))


def _square_distances(points: Points) -> Points:
    squares = (points**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * points @ points.T
    return np.maximum(distances, 0)  # type: ignore[no-any-return]


def _principal(vectors: Points) -> Points:
    """Returns the first two principal components, `(N, 2)`."""
    centred = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(vectors), 2))
    places[:, : len(directions[:2])] = centred @ directions[:2].T
    return places
