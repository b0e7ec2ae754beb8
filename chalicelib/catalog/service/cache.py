"""A process's memory of what never changes, bounded by weight."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class WeighedCache(Generic[K, V]):
    """Keeps what was used last, up to a total weight (bytes, say). Safe among threads."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, or None when it is not held."""
        with self._lock:
            entry = self._held.get(key)
            if entry is None:
                return None
            self._held.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Hold a value. What was not used for longest goes; a value above the whole capacity is not held."""
        with self._lock:
            before = self._held.pop(key, None)
            self._weight -= before[1] if before else 0
            if weight > self._capacity:
                return
            self._held[key] = (value, weight)
            self._weight += weight
            while self._weight > self._capacity:
                _, (_, lost) = self._held.popitem(last=False)
                self._weight -= lost

    def clear(self) -> None:
        """Hold nothing, as at the start."""
        with self._lock:
            self._held.clear()
            self._weight = 0
