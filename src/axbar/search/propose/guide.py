"""Optuna's samplers as a source of designs, asked and told one design at a time.

NSGA-II (Deb et al., IEEE TEVC 6, 2002) is given all genes of a design, whether they count or not: Optuna recombines
only parameters that every trial has, and would draw the others at random. TPE (Bergstra et al., NeurIPS 2011; several
objectives: Ozaki et al., GECCO 2020) is given the genes that count, in the order of the conditions.

A failed design is told as one that breaks a bound by more than any other may, so that both samplers learn where not to
look; a trial that Optuna takes as failed teaches them nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np

from axbar.errors import AxbarError
from axbar.search.propose.genes import Floats, Genes
from axbar.search.space.conditions import order_of
from axbar.search.space.domains import Reals

__all__ = ["Guide"]

#: the most by which a bound counts as broken, and what a failed design breaks
_WORST, _FAILED = 1e6, 1e9

#: trials of one generation of NSGA-II, and those of TPE before it has a model
_POPULATION, _STARTUP = 50, 20


class Guide:
    """A study of Optuna about the genes of designs.

    Args:
        genes: of the space.
        kind: the sampler.
        seed: of the sampler.

    Raises:
        AxbarError: Optuna is not installed.
    """

    def __init__(self, genes: Genes, kind: Literal["nsga2", "tpe"], *, seed: int) -> None:
        self._genes = genes
        self._optuna = library()
        self._all = kind == "nsga2"
        self._when = {p.path: p.when for p in genes.space.parameters}
        self._order = order_of(self._when)
        self._place = {path: k for k, path in enumerate(genes.space.paths)}
        # the argument goes in Optuna 7, the method came in 5
        self._marks = not hasattr(self._optuna.trial.Trial, "set_constraint")
        asks: dict[str, Any] = {"constraints_func": _violation} if self._marks else {}
        with quiet(self._optuna):
            samplers = self._optuna.samplers
            if kind == "nsga2":
                self._sampler = samplers.NSGAIISampler(population_size=_POPULATION, seed=seed, **asks)
            else:
                self._sampler = samplers.TPESampler(
                    n_startup_trials=_STARTUP, multivariate=False, constant_liar=True, seed=seed, **asks
                )
            ways = ["minimize" if o.sense == "min" else "maximize" for o in genes.space.objectives]
            self._study = self._optuna.create_study(directions=ways, sampler=self._sampler)

    def draw(self) -> tuple[Any, Floats]:
        """Return a trial and its genes ``[D]``; tell or drop the trial later."""
        with quiet(self._optuna):
            trial = self._study.ask()
            return trial, self._suggested(trial)

    def tell(self, trial: Any, values: Floats, broken: Floats) -> None:
        """Tell what came of a trial.

        Args:
            trial: as drawn.
            values: [M] objectives; NaN or infinite for failed.
            broken: [C] by how much constraints are broken; NaN for failed.
        """
        failed = not (np.isfinite(values).all() and not np.isnan(broken).any())
        bounds = [
            _FAILED if failed else 0.0,
            *np.clip(np.nan_to_num(broken, nan=_WORST), 0.0, _WORST).tolist(),
        ]
        with quiet(self._optuna):
            if self._marks:
                trial.set_user_attr("broken", bounds)
            else:
                for number, bound in enumerate(bounds):
                    trial.set_constraint(str(number), bound)
            # what breaks a bound is compared by that only, so its values are free
            self._study.tell(trial, [0.0] * len(values) if failed else values.tolist())

    def drop(self, trial: Any) -> None:
        """Forget a trial."""
        with quiet(self._optuna):
            self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)

    def adopt(self, row: Floats, values: Floats, broken: Floats) -> None:
        """Tell what came of a design ``[D]`` that was not drawn here."""
        names = {str(k): _number(row[k], size) for k, size in enumerate(self._genes.sizes)}
        with quiet(self._optuna):
            self._study.enqueue_trial(names)
            trial = self._study.ask()
            self._suggested(trial)
            # Optuna 5 leaves trials out of its generations whose values were all given
            join: Any = getattr(self._sampler, "get_trial_generation", None)
            if join is not None:
                join(self._study, self._study.get_trials(deepcopy=False)[trial.number])
        self.tell(trial, values, broken)

    def _suggested(self, trial: Any) -> Floats:
        row = np.zeros(len(self._order))
        counts: dict[str, bool] = {}
        for path in self._order:
            counts[path] = self._counts(path, row, counts)
            if not (counts[path] or self._all):
                continue
            k = self._place[path]
            size = self._genes.sizes[k]
            if size is None:
                row[k] = trial.suggest_float(str(k), 0.0, 1.0)
            elif self._genes.ordered[k]:
                row[k] = trial.suggest_int(str(k), 0, size - 1)
            else:
                row[k] = trial.suggest_categorical(str(k), list(range(size)))
        return row

    def _counts(self, path: str, row: Floats, counts: dict[str, bool]) -> bool:
        """Whether a parameter counts, given those on which it depends."""
        when = self._when[path]
        for clause in when.clauses if when else ():
            k = self._place[clause.path]
            domain = self._genes.domains[k]
            digit = np.array([int(row[k])], dtype=np.int64)
            value = None
            if isinstance(domain, Reals) and domain.size is None:
                value = domain.from_unit(row[k : k + 1])
            if not (counts[clause.path] and clause.holds(domain, digit, value)[0]):
                return False
        return True


def library() -> Any:
    """Return Optuna, imported at the first use because the rest of axbar does without it."""
    try:
        import optuna
    except ImportError as problem:
        raise AxbarError(
            "the samplers nsga2 and tpe need optuna, which is not installed: pip install 'axbar[explore]'"
        ) from problem
    return optuna


def _violation(trial: Any) -> list[float]:
    return trial.user_attrs["broken"]


def _number(gene: float, size: int | None) -> int | float:
    return float(gene) if size is None else int(gene)


@contextmanager
def quiet(optuna: Any) -> Generator[None]:
    """Keep Optuna's log and warnings from the reader, who did not choose the options they are about."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(level)
