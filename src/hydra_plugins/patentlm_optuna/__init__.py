"""The package in which Hydra finds `hydra/sweeper=optuna`.

Hydra takes sweepers from the namespace package `hydra_plugins` alone, which other distributions
extend too; therefore `hydra_plugins` has no `__init__.py`.
"""
