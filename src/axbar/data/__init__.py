"""Images, events and labels: readers for what people have on disk, and a small data set that comes with the package.

Train, calibration and test parts are kept apart by construction; see ``Dataset``.
"""

from __future__ import annotations

from axbar.data._check import check_fits, network_facts
from axbar.data._encoders import delta, event_frames, population
from axbar.data._event_files import read_events
from axbar.data._linear import ridge_accuracy
from axbar.data._load import data_names, load_data
from axbar.data._readers import READERS, Reader
from axbar.data._types import Dataset, Split, TuningData

__all__ = [
    "READERS",
    "Dataset",
    "Reader",
    "Split",
    "TuningData",
    "check_fits",
    "data_names",
    "delta",
    "event_frames",
    "load_data",
    "network_facts",
    "population",
    "read_events",
    "ridge_accuracy",
]
