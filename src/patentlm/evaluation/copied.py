"""How much of each word's probability is copied from the text before it."""

from typing import Any

import torch
from torch import Tensor

from patentlm.evaluation.metrics import ROWS, full_float32
from patentlm.model.ensemble import Ensemble
from patentlm.model.memory import CopyingHead, Rows
from patentlm.model.network import Head, Network


def copies(network: Network) -> bool:
    """True if a network, or a member of an ensemble, has a head that copies."""
    members = network.members if isinstance(network, Ensemble) else [network]
    return any(isinstance(member.head, CopyingHead) for member in members)


def copied_shares(network: Network, hidden: Any, targets: Tensor) -> Tensor:
    """Returns the share of each target's probability that is copied.

    Args:
        network: any network.
        hidden: what its head predicts from, N rows.
        targets: words, `(N,)`.

    Returns:
        From 0 to 1, `(N,)`; the rest is the vocabulary's.
    """
    parts = [slice(at, at + ROWS) for at in range(0, len(targets), ROWS)]
    with full_float32(targets):
        probs = [_probs(network, hidden[at], targets[at]) for at in parts]
    return torch.cat([part[:, 1] / part.sum(1) for part in probs])


def _probs(network: Network, hidden: Any, targets: Tensor) -> Tensor:
    """Returns the probabilities of targets from the vocabulary and by copying, `(N, 2)`."""
    if isinstance(network, Ensemble):
        pairs = zip(network.members, hidden.parts, strict=True)
        return torch.stack([_probs(member, part, targets) for member, part in pairs]).mean(0)
    head = network.head
    if isinstance(head, CopyingHead):
        return head.log_parts(hidden, targets).exp()
    known = head.logits(hidden).float().log_softmax(-1).gather(1, targets[:, None]).exp()
    return torch.cat([known, torch.zeros_like(known)], dim=1)


def words_back(head: Head, rows: Any, targets: Tensor) -> list[int | None]:
    """Returns how many words back the place is that most of each target's copy comes from.

    Args:
        head: any head.
        rows: what it predicts from, N rows.
        targets: words, `(N,)`.

    Returns:
        1 for the word just before; None if nothing is copied, and for a head that never copies.
    """
    if not isinstance(head, CopyingHead) or not rows.scores.shape[1]:
        return [None] * len(targets)
    _, weights = head.log_weights(rows.hidden, rows.scores)
    best = weights.masked_fill(rows.words != targets[:, None], -torch.inf).max(1)
    back = 1 + _latest(rows) - best.indices
    found = zip(back.tolist(), best.values.isneginf().tolist(), strict=True)
    return [None if nothing else count for count, nothing in found]


def _latest(rows: Rows) -> Tensor:
    """Returns the place of the word read last in each row, `(N,)`."""
    usable = ~rows.scores.isneginf()  # (N, S)
    return (usable * torch.arange(usable.shape[1], device=usable.device)).amax(1)
