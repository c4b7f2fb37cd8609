"""One file per chart, each a pure function from numbers to an SVG string."""

from __future__ import annotations

from axbar.report.charts.accuracy import accuracy_chart
from axbar.report.charts.held import held_chart
from axbar.report.charts.life import life_chart
from axbar.report.charts.pair import pair_chart
from axbar.report.charts.ranked import ranked_chart
from axbar.report.charts.rates import rates_chart
from axbar.report.charts.share import share_chart
from axbar.report.charts.signed import signed_chart
from axbar.report.charts.spread import spread_chart
from axbar.report.charts.stacked import stacked_chart
from axbar.report.charts.waterfall import waterfall_chart

__all__ = [
    "accuracy_chart",
    "held_chart",
    "life_chart",
    "pair_chart",
    "ranked_chart",
    "rates_chart",
    "share_chart",
    "signed_chart",
    "spread_chart",
    "stacked_chart",
    "waterfall_chart",
]
