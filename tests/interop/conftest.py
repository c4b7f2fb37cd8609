"""The folder of the ordinary live tests holds what both share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "workload" / "interchange"))
