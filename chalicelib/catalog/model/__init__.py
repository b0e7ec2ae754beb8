"""The rules of the catalog, by subject: a menu's soundness, dayparts, what is 86'd, the price of a line."""

from __future__ import annotations

from chalicelib.catalog.model.availability import Availability, EightySix, Kind
from chalicelib.catalog.model.check import check_menu
from chalicelib.catalog.model.menu import Menu, MenuHead
from chalicelib.catalog.model.pricing import (
    ComponentChoice,
    LineRequest,
    ModifierChoice,
    PricedLine,
    PricedModifier,
    price_line,
)

__all__ = [
    "Availability",
    "ComponentChoice",
    "EightySix",
    "Kind",
    "LineRequest",
    "Menu",
    "MenuHead",
    "ModifierChoice",
    "PricedLine",
    "PricedModifier",
    "check_menu",
    "price_line",
]
