"""What was evaluated, kept by content hash: append-only lines that survive kills, one writer at a time."""

from axbar.search.store._store import Record, Store, key_of

__all__ = ["Record", "Store", "key_of"]
