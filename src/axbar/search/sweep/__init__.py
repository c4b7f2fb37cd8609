"""F0: every design of a space by its costs alone, in columns."""

from axbar.search.sweep._sweep import Costs, SettingsOf, Swept, WorkloadOf, chip_settings, costs_of, sweep

__all__ = ["Costs", "SettingsOf", "Swept", "WorkloadOf", "chip_settings", "costs_of", "sweep"]
