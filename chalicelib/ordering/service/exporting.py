"""Everything that is kept of a customer, in every context, a page at a time: what they may ask to be handed out.

Parts come one after the other: the account, quotes, the history of credit, orders with all that belongs to them. A page
reads a bounded number of orders, so that it stays within what a request may take, however long the history is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from chalicelib.dispatch import service as dispatch
from chalicelib.kernel import accounts, tables
from chalicelib.ordering.model.erasure import Erasure
from chalicelib.ordering.model.quote import Quote
from chalicelib.ordering.service.erasing import erasure_of
from chalicelib.ordering.service.money import MoneyStory, get_own_money
from chalicelib.ordering.service.reading import OrderSnapshot
from chalicelib.ordering.tables import ORDERED, QUOTED, oldest_of, order_id_of, to_quote
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDERS_TOGETHER: Final = 20

RecordKind = Literal["account", "erasure", "credit", "wrong_codes", "quote", "credit_movement", "order"]


class ExportedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order with its money and its delivery, which carries what its rider was told."""

    snapshot: OrderSnapshot
    money: MoneyStory


class ExportRecord(msgspec.Struct, frozen=True):
    """One thing that is kept. ``what`` is as its context has it."""

    kind: RecordKind
    id: str
    what: Any


class ExportPage(msgspec.Struct, frozen=True):
    """A page of what is kept; ``next_key`` starts the next one, None after the last."""

    records: list[ExportRecord]
    next_key: dict[str, Any] | None


def export_page(customer_id: str, *, limit: int, start: Mapping[str, Any] | None) -> ExportPage:
    """A page of what is kept of a customer, from a place in its parts on."""
    part, sk = _place(start)
    records, rest = _PARTS[part](customer_id, sk, limit)
    if rest is not None:
        return ExportPage(records, _key(part, rest))
    following = _NAMES[_NAMES.index(part) + 1 :]
    return ExportPage(records, _key(following[0], "") if following else None)


def _place(start: Mapping[str, Any] | None) -> tuple[str, str]:
    """The part, and the sort key behind which a page begins. A cursor comes from outside: any other is the start."""
    part = (start or {}).get("part", {}).get("S", "")
    sk = (start or {}).get("sk", {}).get("S", "")
    return (part, sk if sk.isascii() and sk.isprintable() else "") if part in _PARTS else (_NAMES[0], "")


def _key(part: str, sk: str) -> dict[str, Any]:
    return {"part": {"S": part}, "sk": {"S": sk}}


def _about(customer_id: str, _sk: str, _limit: int) -> tuple[list[ExportRecord], str | None]:
    account = accounts.find_account(customer_id)
    erasure: Erasure | None = tables.fetch(erasure_of(customer_id))[0]
    tried = payments.wrong_codes_of(customer_id)
    records = [ExportRecord("account", customer_id, account)]
    if erasure is not None:
        records.append(ExportRecord("erasure", erasure.id, erasure))
    if tried:
        records.append(ExportRecord("wrong_codes", customer_id, tried))
    own = payments.list_own_credit(customer_id)
    return [*records, *(ExportRecord("credit", each.currency, each) for each in own)], None


def _quotes(customer_id: str, sk: str, limit: int) -> tuple[list[ExportRecord], str | None]:
    page = oldest_of(customer_id, QUOTED, after=sk, limit=limit)
    found: list[Quote] = [quote for row in page.items if (quote := to_quote(row)) is not None]
    records = [ExportRecord("quote", quote.id, quote) for quote in found]
    return records, page.items[-1].sk if page.next_key and page.items else None


def _movements(customer_id: str, sk: str, limit: int) -> tuple[list[ExportRecord], str | None]:
    page = payments.movements_of_customer(customer_id, limit=limit, start={"sk": {"S": sk}})
    records = [ExportRecord("credit_movement", each.id, (currency, each)) for currency, each in page.items]
    return records, page.next_key["sk"]["S"] if page.next_key else None


def _orders(customer_id: str, sk: str, limit: int) -> tuple[list[ExportRecord], str | None]:
    page = oldest_of(customer_id, ORDERED, after=sk, limit=min(limit, ORDERS_TOGETHER))
    order_ids = [order_id_of(row) for row in page.items]
    deliveries = dispatch.deliveries_with_briefs(order_ids)
    records = []
    for order_id in order_ids:
        money = get_own_money(customer_id, order_id)
        snapshot = OrderSnapshot(
            order=money.order, document=money.document, payment=money.payment, delivery=deliveries.get(order_id)
        )
        records.append(ExportRecord("order", order_id, ExportedOrder(snapshot=snapshot, money=money)))
    return records, page.items[-1].sk if page.next_key and page.items else None


_PARTS: Final[dict[str, Callable[[str, str, int], tuple[list[ExportRecord], str | None]]]] = {
    "about": _about,
    "quotes": _quotes,
    "movements": _movements,
    "orders": _orders,
}
_NAMES: Final = tuple(_PARTS)
