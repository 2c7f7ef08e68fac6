"""Hydra's `hydra/sweeper=optuna`. Hydra takes sweepers from the package `hydra_plugins` alone, to
which other distributions add theirs: it has no `__init__.py`."""
