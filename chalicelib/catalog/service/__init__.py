"""The use cases of the catalog: menus are edited, published and read; things are 86'd; lines are priced."""

from __future__ import annotations

from chalicelib.catalog.model import (
    Availability,
    ComponentChoice,
    EightySix,
    Kind,
    LineRequest,
    Menu,
    MenuHead,
    ModifierChoice,
    PricedLine,
    PricedModifier,
    price_line,
)
from chalicelib.catalog.service.availability import (
    CurrentAvailability,
    availability_ref,
    eighty_six,
    eighty_six_until_tomorrow,
    next_service_day,
    put_back,
    read_availability,
)
from chalicelib.catalog.service.drafts import (
    Draft,
    SavedDraft,
    get_draft,
    publish_draft,
    put_product,
    remove_product,
    republish,
    save_draft,
)
from chalicelib.catalog.service.menus import (
    get_menu_head,
    get_version,
    list_versions,
    load_menu,
    menu_head_ref,
    read_menu_json,
)

__all__ = [
    "Availability",
    "ComponentChoice",
    "CurrentAvailability",
    "Draft",
    "EightySix",
    "Kind",
    "LineRequest",
    "Menu",
    "MenuHead",
    "ModifierChoice",
    "PricedLine",
    "PricedModifier",
    "SavedDraft",
    "availability_ref",
    "eighty_six",
    "eighty_six_until_tomorrow",
    "get_draft",
    "get_menu_head",
    "get_version",
    "list_versions",
    "load_menu",
    "menu_head_ref",
    "next_service_day",
    "price_line",
    "publish_draft",
    "put_back",
    "put_product",
    "read_availability",
    "read_menu_json",
    "remove_product",
    "republish",
    "save_draft",
]
