"""Invoices and credit notes on paper and on screens: HTML that prints well, and PDF. Pure: from a sheet to a text."""

from __future__ import annotations
