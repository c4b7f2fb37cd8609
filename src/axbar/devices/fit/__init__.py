"""Laws of a user's own cells from measured reads: programming noise, levels, read noise, drift, retention."""

from __future__ import annotations

from axbar.devices.fit._fit import DeviceFit, fit_device
from axbar.devices.fit._levels import Level

__all__ = ["DeviceFit", "Level", "fit_device"]
