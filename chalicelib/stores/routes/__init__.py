"""Stores over HTTP."""

from __future__ import annotations

from chalicelib.stores.routes import invitations, merchants, search, staff, stores
from chalicelib.stores.routes.blueprint import endpoints

__all__ = ["endpoints", "invitations", "merchants", "search", "staff", "stores"]
