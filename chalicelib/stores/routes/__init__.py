"""Stores over HTTP."""

from __future__ import annotations

from chalicelib.stores.routes import merchants, search, staff, stores
from chalicelib.stores.routes.blueprint import endpoints

__all__ = ["endpoints", "merchants", "search", "staff", "stores"]
