"""What a search found: rows of designs, their fronts, and the plain data of their page."""

from axbar.search.rows import Row
from axbar.search.study._study import Study

__all__ = ["Row", "Study"]
