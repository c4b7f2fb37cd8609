"""Cost of a workload on a chip: energy, latency, area, leakage by layer and component, for one point or many.

Every number has a formula and a source: ``estimate(...).explain("adc.energy")``. A further hardware kind is
one ``HardwareKind`` made of ``count`` and ``Component``s; the engine, sweeps and reports stay as they are.
"""

from axbar.cost._component import ComponentExplanation
from axbar.cost._estimate import estimate
from axbar.cost._explain import Explanation, Listing
from axbar.cost._programming import Programming, programming
from axbar.cost._result import Estimate
from axbar.cost._types import NOTHING, Component, Context, Count, Events, Floats, Parts, Rule, Term, add_up
from axbar.cost._wear import Wear, cell_life_s, wear, wear_of
from axbar.cost.bottlenecks import Bottlenecks
from axbar.cost.constants import Constant
from axbar.cost.metrics import Metric
from axbar.cost.sensitivity import Sensitivity
from axbar.cost.tuning import TuningCost, tuning_cost
from axbar.cost.whatif import Offer, WhatIf

__all__ = [
    "NOTHING",
    "Bottlenecks",
    "Component",
    "ComponentExplanation",
    "Constant",
    "Context",
    "Count",
    "Estimate",
    "Events",
    "Explanation",
    "Floats",
    "Listing",
    "Metric",
    "Offer",
    "Parts",
    "Programming",
    "Rule",
    "Sensitivity",
    "Term",
    "TuningCost",
    "Wear",
    "WhatIf",
    "add_up",
    "cell_life_s",
    "estimate",
    "programming",
    "tuning_cost",
    "wear",
    "wear_of",
]
