"""Pay rules and earnings at rest.

The versions of an area's rules lie together under PAY#<area>; what a rider earned lies with the rider, by shift: the
statement of a shift is one query, and so is a page of everything in the order of shifts.
"""

from __future__ import annotations

from datetime import datetime  # resolved at run time by msgspec
from typing import TYPE_CHECKING, Final

import msgspec
from pynamodb.attributes import NumberAttribute

from chalicelib.dispatch.model.pay import PayLine, PayRules
from chalicelib.dispatch.tables.riders import rider_pk
from chalicelib.kernel import tables
from chalicelib.kernel.errors import Conflict, VersionConflict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.kernel.transaction import Transaction

GUARANTEE: Final = "guarantee"
_PREFIX = "EARN#"
_RULES = "RULES#"
_KEPT_SECONDS = 10 * 366 * 86_400  # as long as the books that they explain


class Earning(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a rider earned by one delivery, or by a shift's guarantee (``delivery_id`` is None), and by which rules."""

    rider_id: str
    shift_id: str
    at: datetime
    currency: str
    lines: tuple[PayLine, ...]
    delivery_id: str | None = None
    rules_area: str | None = None
    rules_version: int | None = None

    @property
    def cause(self) -> str:
        """What it is for: the delivery, or the guarantee of the shift."""
        return self.delivery_id or GUARANTEE


class PayRulesRow(tables.Row):
    """A version of an area's rules; never changed."""

    class Meta(tables.Meta):
        context = "dispatch"

    body = tables.JsonZ(attr_name="b")


class EarningRow(tables.Row):
    """An earning; never changed."""

    class Meta(tables.Meta):
        context = "dispatch"

    body = tables.JsonZ(attr_name="b")
    amount = NumberAttribute(attr_name="m")


class AlreadyEarned(Conflict):
    """This delivery, or this shift's guarantee, was paid before."""

    def __init__(self) -> None:
        super().__init__("already_earned", "This was paid before.")


def rules_pk(area: str) -> str:
    """The partition of an area's rules."""
    return f"PAY#{area}"


def write_rules(tx: Transaction, rules: PayRules) -> None:
    """Put the next version; ``VersionConflict`` where somebody else put one."""
    row = PayRulesRow(
        pk=rules_pk(rules.area), sk=f"{_RULES}{rules.version:08d}", body=msgspec.to_builtins(rules, str_keys=True)
    )
    tx.put(row, PayRulesRow.pk.does_not_exist(), VersionConflict("pay_rules", rules.area))


def read_rules(area: str, *, limit: int = 100) -> list[PayRules]:
    """The latest versions of an area's rules, the newest first. One request."""
    page = tables.query(
        PayRulesRow, rules_pk(area), PayRulesRow.sk.startswith(_RULES), limit=limit, ascending=False, consistent=True
    )
    return [rules_of(row) for row in page.items]


def rules_of(row: PayRulesRow) -> PayRules:
    """The rules in an item."""
    return msgspec.convert(row.body, PayRules)


def write_earning(tx: Transaction, earning: Earning) -> None:
    """Put what was earned, once for its cause (``AlreadyEarned``)."""
    row = EarningRow(
        pk=rider_pk(earning.rider_id),
        sk=f"{_PREFIX}{earning.shift_id}#{earning.cause}",
        ttl=int(earning.at.timestamp()) + _KEPT_SECONDS,
        body=msgspec.to_builtins(earning),
        amount=sum(line.amount for line in earning.lines),
    )
    tx.put(row, EarningRow.pk.does_not_exist(), AlreadyEarned())


def earning_of(row: EarningRow) -> Earning:
    """What an item says was earned."""
    return msgspec.convert(row.body, Earning)


def earnings_of(
    rider_id: str,
    shift_id: str = "",
    *,
    limit: int = 100,
    cursor_key: Mapping[str, object] | None = None,
    ascending: bool = True,
    consistent: bool = False,
) -> tables.Page[Earning]:
    """A page of what a rider earned in a shift, or in all of them in their order. One request."""
    prefix = f"{_PREFIX}{shift_id}#" if shift_id else _PREFIX
    page = tables.query(
        EarningRow,
        rider_pk(rider_id),
        EarningRow.sk.startswith(prefix),
        limit=limit,
        cursor_key=cursor_key,
        ascending=ascending,
        consistent=consistent,
    )
    return tables.Page([earning_of(row) for row in page.items], page.next_key)
