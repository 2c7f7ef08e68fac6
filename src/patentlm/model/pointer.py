"""The pointer sentinel mixture: a head that learns when to copy."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from patentlm.model.memory import CopyingHead


class PointerSentinelHead(CopyingHead):
    """Points at remembered words or, at a trained sentinel, leaves it to the vocabulary (Merity et
    al. 2017, "Pointer sentinel mixture models").

    A query is made of the hidden vector; one softmax over its products with the remembered vectors
    and with the sentinel gives each remembered word's share, and the sentinel's is the
    vocabulary's.

    Args:
        hidden_size: size H of a hidden vector.
        embedding: of the words.
        softmax: makes the head over the vocabulary from the two.
        size: words one may point at, the last ones; None for all.
    """

    def __init__(
        self,
        *,
        hidden_size: int,
        embedding: nn.Embedding,
        softmax: Callable[..., nn.Module],
        size: int | None,
    ) -> None:
        head = softmax(hidden_size=hidden_size, embedding=embedding)
        super().__init__(head, hidden_size=hidden_size, size=size)
        self.query = nn.Sequential(nn.Linear(hidden_size, hidden_size), nn.Tanh())
        self.sentinel = nn.Parameter(torch.zeros(hidden_size))

    def scores(self, hidden: Tensor, remembered: Tensor) -> Tensor:
        return self.query(hidden) @ remembered.mT  # type: ignore[no-any-return]

    def shares(self, hidden: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        sentinel = (self.query(hidden) * self.sentinel).sum(-1, keepdim=True)  # (…, 1)
        shares = torch.cat([sentinel, scores], dim=-1).log_softmax(-1)
        return shares[..., :1], shares[..., 1:]
