"""Networks of others: NIR graphs in and out.

Importing this package imports neither torch nor h5py; its functions do when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from axbar.workload.interchange._live import adopted, from_module
    from axbar.workload.interchange._nir_build import load_nir
    from axbar.workload.interchange._nir_write import save_nir

__all__ = ["adopted", "from_module", "load_nir", "save_nir"]


def __getattr__(name: str) -> Any:
    if name in ("adopted", "from_module"):
        from axbar.workload.interchange import _live

        return getattr(_live, name)
    if name == "load_nir":
        from axbar.workload.interchange._nir_build import load_nir

        return load_nir
    if name == "save_nir":
        from axbar.workload.interchange._nir_write import save_nir

        return save_nir
    raise AttributeError(f"module 'axbar.workload.interchange' has no attribute '{name}'")
