"""The state of training between two steps that Lightning does not save.

It holds the state carried from batch to batch, the random number generators, and a schedule that
follows validation.
"""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

from patentlm.model.network import State

if TYPE_CHECKING:
    from patentlm.training.lightning_module import LanguageModel


def take(module: "LanguageModel") -> dict[str, Any]:
    """Returns the state as plain data, the same in all processes.

    Args:
        module: module in training; during a validation, its state before that is taken.
    """
    state = module.training_state if module.trainer.validating else module.state
    parts = _gathered((_moved(state, torch.device("cpu")), _random_numbers(module.device)))
    states, random = zip(*parts, strict=True)
    plateau = module.plateau
    return {
        "state": _joined(states),
        "random": list(random),
        "plateau": None if plateau is None else plateau.state_dict(),
    }


def restore(module: "LanguageModel", moment: dict[str, Any]) -> None:
    """Restores the state; random numbers differ with another number of processes."""
    rank, processes = module.trainer.global_rank, module.trainer.world_size
    module.state = _moved(_share(moment["state"], rank, processes), module.device)
    if len(moment["random"]) == processes:
        own = moment["random"][rank]
        torch.set_rng_state(own["cpu"])
        if module.device.type == "cuda" and own["cuda"] is not None:
            torch.cuda.set_rng_state(own["cuda"], module.device)
    if module.plateau is not None and moment["plateau"] is not None:
        module.plateau.load_state_dict(moment["plateau"])


def _random_numbers(device: torch.device) -> dict[str, Tensor | None]:
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _gathered(part: Any) -> list[Any]:
    """Gathers a value from all processes, by rank."""
    if not distributed.is_initialized():
        return [part]
    parts: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(parts, part)
    return parts


def _joined(states: tuple[State, ...]) -> State:
    """Joins the states of all processes into the state of a whole batch, row by row in turn."""
    first = states[0]
    if first is None or len(states) == 1:
        return first
    if isinstance(first, Tensor):
        rows = torch.empty_like(first).resize_(
            first.shape[0], sum(part.shape[1] for part in states), *first.shape[2:]
        )
        for rank, part in enumerate(states):
            rows[:, rank :: len(states)] = part
        return rows
    return tuple(_joined(parts) for parts in zip(*states, strict=True))


def _share(state: State, rank: int, processes: int) -> State:
    """Returns one process's rows of a state `(…, B, …)` of a whole batch."""
    if state is None or processes == 1:
        return state
    if isinstance(state, Tensor):
        return state[:, rank::processes].contiguous()
    return tuple(_share(part, rank, processes) for part in state)


def _moved(state: State, device: torch.device) -> State:
    if isinstance(state, Tensor):
        return state.to(device)
    return None if state is None else tuple(_moved(part, device) for part in state)
