"""Pareto fronts, their hypervolume, and which designs of one deserve a closer look."""

from axbar.search.front.pareto import Front, contributions, hypervolume, nondominated
from axbar.search.front.survivors import spread_choice

__all__ = ["Front", "contributions", "hypervolume", "nondominated", "spread_choice"]
