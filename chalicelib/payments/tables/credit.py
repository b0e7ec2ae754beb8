"""Gift cards and store credit at rest.

A credit's balance and its history share a partition; the sort keys of the history begin with the ULID of what moved
it, so that it reads in time. Wrong codes are counted by customer.

| item         | pk                     | sk                                 |
|--------------|------------------------|------------------------------------|
| gift card    | CRD#gft_<keyed hash>   | BALANCE                            |
| store credit | CRD#cus:<customer id>  | BALANCE#<currency>                 |
| movement     | that of the credit     | MOVE#<currency>#<ulid>#<kind>      |
| hold         | that of the credit     | MOVE#<currency>#<order ulid>#order |
| wrong codes  | CUS#<customer id>      | WRONG_CODES                        |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.kernel import clock, tables
from chalicelib.payments.model import credit as rules
from chalicelib.payments.model.credit import Credit, Kind, Movement, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from pynamodb.expressions.condition import Condition

_BALANCE = "BALANCE"
WRONG_CODES = "WRONG_CODES"


class CreditRow(tables.Row):
    """A balance. ``available`` and ``held`` change by what is added to them, on conditions, never by being set."""

    class Meta(tables.Meta):
        context = "payments"

    currency = UnicodeAttribute()
    available = NumberAttribute(default=0)
    held = NumberAttribute(default=0)
    state = UnicodeAttribute(default=State.ACTIVE.value)
    expires_at = NumberAttribute(null=True)
    merchant_id = UnicodeAttribute(null=True)


class MovementRow(tables.Row):
    """A line of a credit's history; a hold changes its ``kind`` once, when its order ends."""

    class Meta(tables.Meta):
        context = "payments"

    kind = UnicodeAttribute()
    amount = NumberAttribute()
    at = NumberAttribute()
    order_id = UnicodeAttribute(null=True)
    funded_by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    by = UnicodeAttribute(null=True)


class WrongCodesRow(tables.Row):
    """How many codes of no card a customer has tried since the window was opened."""

    class Meta(tables.Meta):
        context = "payments"

    tried = NumberAttribute()
    ends_at = NumberAttribute()


def credit_key(credit_id: str, currency: str) -> tuple[str, str]:
    """Where a balance lies; a gift card is found without knowing its currency."""
    if rules.kind_of(credit_id) is Kind.GIFT_CARD:
        return f"CRD#{credit_id}", _BALANCE
    return f"CRD#{credit_id}", f"{_BALANCE}#{currency}"


def credit_ref(credit_id: str, currency: str = "") -> tables.Ref[Credit | None]:
    """Where a balance is read."""
    return tables.Ref(CreditRow, *credit_key(credit_id, currency), of_credit_row)


def balances_of(credit_id: str) -> list[Credit]:
    """A customer's balances in all currencies."""
    page = tables.query(CreditRow, f"CRD#{credit_id}", CreditRow.sk.startswith(_BALANCE), consistent=True)
    return [credit for row in page.items if (credit := of_credit_row(row)) is not None]


def to_credit_row(credit: Credit) -> CreditRow:
    """The item of a fresh balance."""
    pk, sk = credit_key(credit.id, credit.currency)
    return CreditRow(
        pk=pk,
        sk=sk,
        currency=credit.currency,
        available=credit.available,
        held=credit.held,
        state=credit.state.value,
        expires_at=None if credit.expires_at is None else clock.epoch_ms(credit.expires_at),
        merchant_id=credit.merchant_id,
    )


def of_credit_row(row: CreditRow | None) -> Credit | None:
    """The balance in an item."""
    if row is None:
        return None
    credit_id = row.pk.removeprefix("CRD#")
    return Credit(
        id=credit_id,
        kind=rules.kind_of(credit_id),
        currency=row.currency,
        available=int(row.available),
        held=int(row.held),
        state=State(row.state),
        expires_at=clock.from_epoch_ms(int(row.expires_at)) if row.expires_at else None,
        merchant_id=row.merchant_id,
    )


def unchanged(credit: Credit) -> Condition:
    """That a credit's life is still what was read: its amounts may have moved, its state and expiry not."""
    same: Condition = CreditRow.state == credit.state.value
    if credit.expires_at is None:
        same &= CreditRow.expires_at.does_not_exist()
    else:
        same &= CreditRow.expires_at == clock.epoch_ms(credit.expires_at)
    return same


def spendable(amount: int, now: datetime) -> Condition:
    """That so much of a credit can be set aside now."""
    enough: Condition = CreditRow.available >= amount
    enough &= CreditRow.state == State.ACTIVE.value
    enough &= CreditRow.expires_at.does_not_exist() | (CreditRow.expires_at > clock.epoch_ms(now))
    return enough


def hold_key(credit_id: str, currency: str, order_id: str) -> tuple[str, str]:
    """Where what an order has set aside of a credit is noted."""
    return f"CRD#{credit_id}", f"{_moves(currency)}{order_id.partition('_')[2]}#order"


def movement_row(credit_id: str, currency: str, movement: Movement) -> MovementRow:
    """The item of a line of the history; a hold's is found by its order."""
    if movement.kind == rules.HELD and movement.order_id is not None:
        pk, sk = hold_key(credit_id, currency, movement.order_id)
    else:
        ulid = movement.id.partition("_")[2]
        pk, sk = f"CRD#{credit_id}", f"{_moves(currency)}{ulid}#{movement.kind}"
    return MovementRow(
        pk=pk,
        sk=sk,
        kind=movement.kind,
        amount=movement.amount,
        at=clock.epoch_ms(movement.at),
        order_id=movement.order_id,
        funded_by=movement.funded_by,
        reason=movement.reason,
        by=movement.by,
    )


def movements_of(
    credit_id: str, currency: str, *, limit: int = 100, start: Mapping[str, Any] | None = None
) -> tables.Page[Movement]:
    """A page of a credit's history, newest first."""
    page = tables.query(
        MovementRow,
        f"CRD#{credit_id}",
        MovementRow.sk.startswith(_moves(currency)),
        limit=limit,
        cursor_key=_start(credit_id, currency, start),
        ascending=False,
        consistent=True,
    )
    return tables.Page([_movement(row) for row in page.items], page.next_key)


def all_movements_of(
    credit_id: str, *, limit: int, start: Mapping[str, Any] | None
) -> tables.Page[tuple[str, Movement]]:
    """A page of a credit's history in all currencies, each with its movement; oldest first within a currency."""
    sk = (start or {}).get("sk", {}).get("S", "")
    pk = f"CRD#{credit_id}"
    page = tables.query(
        MovementRow,
        pk,
        MovementRow.sk.startswith("MOVE#"),
        limit=limit,
        cursor_key={"pk": {"S": pk}, "sk": {"S": sk}} if sk.startswith("MOVE#") else None,
    )
    return tables.Page([(row.sk.split("#")[1], _movement(row)) for row in page.items], page.next_key)


def moments_of(row: MovementRow, slack: timedelta) -> tuple[datetime, datetime]:
    """Between when and when the ledger was told of a movement."""
    at = clock.from_epoch_ms(int(row.at))
    return at, at + slack


def is_spent() -> Condition:
    """That nothing of a credit is left, or set aside."""
    spent: Condition = (CreditRow.available == 0) & (CreditRow.held == 0)
    return spent


def wrong_codes_ref(customer_id: str) -> tables.Ref[WrongCodesRow | None]:
    """Where a customer's wrong codes are counted."""
    return tables.Ref(WrongCodesRow, wrong_codes_pk(customer_id), WRONG_CODES, lambda row: row)


def wrong_codes_pk(customer_id: str) -> str:
    """The partition of a customer's wrong codes."""
    return f"CUS#{customer_id}"


def _movement(row: MovementRow) -> Movement:
    return Movement(
        id=row.sk.split("#")[2],
        kind=msgspec.convert(row.kind, rules.MovementKind),
        amount=int(row.amount),
        at=clock.from_epoch_ms(int(row.at)),
        order_id=row.order_id,
        funded_by=row.funded_by,
        reason=row.reason,
        by=row.by,
    )


def _moves(currency: str) -> str:
    return f"MOVE#{currency}#"


def _start(credit_id: str, currency: str, start: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Where a page begins. A cursor comes from outside: its sort key is taken only within the list."""
    sk = (start or {}).get("sk", {}).get("S", "")
    return {"pk": {"S": f"CRD#{credit_id}"}, "sk": {"S": sk}} if sk.startswith(_moves(currency)) else None
