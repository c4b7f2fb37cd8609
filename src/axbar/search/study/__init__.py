"""What a search found: rows of designs, their fronts, and the plain data of their page."""

from axbar.search.study._study import Study
from axbar.search.study.rows import Row

__all__ = ["Row", "Study"]
