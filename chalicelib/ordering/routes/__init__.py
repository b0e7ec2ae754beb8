"""Ordering over HTTP: for customers and for the staff."""

from __future__ import annotations

from chalicelib.ordering.routes import adjusting, claims, customers, invoices, money, privacy, staff, tracking
from chalicelib.ordering.routes.blueprint import endpoints

__all__ = ["adjusting", "claims", "customers", "endpoints", "invoices", "money", "privacy", "staff", "tracking"]
