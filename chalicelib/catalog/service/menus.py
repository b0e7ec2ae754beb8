"""Reading published menus."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib.catalog.model import Menu, MenuHead
from chalicelib.catalog.service import bodies
from chalicelib.catalog.service.cache import WeighedCache
from chalicelib.catalog.tables import MENU, VERSION, MenuRow, store_pk, to_head, version_sk, versions_pk
from chalicelib.kernel import tables
from chalicelib.kernel.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping

# In bytes of JSON: the objects take three to four times that, so some 45 MB of a function's memory.
_MENUS_BYTES = 12_000_000

_menus: WeighedCache[tuple[str, int, str], Menu] = WeighedCache(_MENUS_BYTES)


def menu_head_ref(store_id: str) -> tables.Ref[MenuHead | None]:
    """Which menu is current; None when the store has never published one. An item below 1 KB."""
    return tables.Ref(MenuRow, store_pk(store_id), MENU, partial(_head_or_none, store_id))


def get_menu_head(store_id: str, *, consistent: bool = True) -> MenuHead:
    """Which menu is current. Raises ``menu_not_found``. 1 read unit, half of one when not ``consistent``."""
    (head,) = tables.fetch(menu_head_ref(store_id), consistent=consistent)
    if not isinstance(head, MenuHead):
        raise NotFound("menu", store_id)
    return head


def load_menu(head: MenuHead) -> Menu:
    """The menu behind a head, ready for pricing.

    From the process's memory when this version was used before. Else one request, 1 read unit for each 4 KB of
    the compressed document, and some 15 ms of CPU for 2,000 products.
    """
    key = (head.store_id, head.version, head.body_id)
    menu = _menus.get(key)
    if menu is None:
        menu = Menu.of(head.store_id, head.version, bodies.decode(read_menu_json(head)))
        _menus.put(key, menu, head.size_bytes)
    return menu


def read_menu_json(head: MenuHead) -> bytes:
    """The published document as it was checked, in JSON."""
    raw = bodies.read_body(head.store_id, head.body_id, head.chunks)
    if raw is None:
        raise RuntimeError(f"the document of menu {head.version} of {head.store_id} is missing")
    return raw


def forget_menus() -> None:
    """Read every document again at its next use, as a process that has just started (benchmarks)."""
    _menus.clear()
    bodies.forget()


def get_version(store_id: str, version: int) -> MenuHead:
    """The head of one published version, current or not. Raises ``menu_version_not_found``."""
    row = tables.get(MenuRow, versions_pk(store_id), version_sk(version), consistent=False)
    if row is None:
        raise NotFound("menu_version", str(version))
    return to_head(store_id, row)


def list_versions(store_id: str, *, limit: int, cursor_key: Mapping[str, Any] | None = None) -> tables.Page[MenuHead]:
    """A page of the versions that were ever published, newest first."""
    page = tables.query(
        MenuRow,
        versions_pk(store_id),
        MenuRow.sk.startswith(VERSION),
        limit=limit,
        cursor_key=cursor_key,
        ascending=False,
    )
    return tables.Page([to_head(store_id, row) for row in page.items], page.next_key)


def _head_or_none(store_id: str, row: MenuRow | None) -> MenuHead | None:
    return None if row is None else to_head(store_id, row)
