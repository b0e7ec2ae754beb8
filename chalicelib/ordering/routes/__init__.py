"""Ordering over HTTP: for customers and for the staff."""

from __future__ import annotations

from chalicelib.ordering.routes import customers, staff, tracking
from chalicelib.ordering.routes.blueprint import endpoints

__all__ = ["customers", "endpoints", "staff", "tracking"]
