"""Who has how much: the balance transactions of all accounts. They live in the store's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from infra.local.stripe_sandbox.model import BalanceTransaction

if TYPE_CHECKING:
    from infra.local.stripe_sandbox.store import Page, Store

_FIELDS: Final = tuple(field.name for field in fields(BalanceTransaction))


class Balances:
    """A balance is the sum of its lines and kept nowhere else, so that the two can't disagree."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def post(self, line: BalanceTransaction) -> None:
        self._store.execute(
            "INSERT INTO balance_transactions "
            "(id, account, currency, type, source, created, available_on, net, fee, payout, body) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                line.id,
                line.account,
                line.currency,
                line.type,
                line.source,
                line.created,
                line.available_on,
                line.net,
                line.fee,
                line.payout,
                json.dumps({name: getattr(line, name) for name in _FIELDS}),
            ),
        )

    def available(self, account: str, currency: str, at: float) -> int:
        """What the account may spend at this time (seconds), in minor units; less than nothing when it owes."""
        rows = self._store.execute(
            "SELECT ifnull(sum(net), 0) FROM balance_transactions "
            "WHERE account = ? AND currency = ? AND available_on <= ?",
            (account, currency, int(at)),
        )
        return int(rows[0][0])

    def totals(self, account: str, at: float) -> dict[str, tuple[int, int]]:
        """(available, pending) of each currency that the account has ever had."""
        rows = self._store.execute(
            "SELECT currency, sum(iif(available_on <= ?, net, 0)), sum(iif(available_on <= ?, 0, net)) "
            "FROM balance_transactions WHERE account = ? GROUP BY currency ORDER BY currency",
            (int(at), int(at), account),
        )
        return {str(currency): (int(available), int(pending)) for currency, available, pending in rows}

    def accounts(self) -> list[str]:
        """All accounts that ever had money, the platform's first."""
        return [str(account) for (account,) in self._store.execute("SELECT DISTINCT account FROM balance_transactions")]

    def fees(self) -> dict[str, int]:
        """What the platform paid in fees, by currency."""
        rows = self._store.execute("SELECT currency, sum(fee) FROM balance_transactions GROUP BY currency")
        return {str(currency): int(total) for currency, total in rows}

    def find(self, account: str, id_: str) -> BalanceTransaction | None:
        rows = self._store.execute("SELECT body FROM balance_transactions WHERE id = ? AND account = ?", (id_, account))
        return _parse(rows[0][0]) if rows else None

    def of_source(self, source: str) -> list[BalanceTransaction]:
        rows = self._store.execute("SELECT body FROM balance_transactions WHERE source = ? ORDER BY seq", (source,))
        return [_parse(body) for (body,) in rows]

    def page(self, account: str, page: Page, where: Mapping[str, str | None]) -> tuple[list[BalanceTransaction], bool]:
        """One page of the account's lines, newest first; `where` by currency, payout, source and type."""
        asked: dict[str, Any] = {field: wanted for field, wanted in where.items() if wanted is not None}
        rows, more = self._store.paged(
            "balance_transactions",
            ["account = ?", *(f"{field} = ?" for field in asked)],
            [account, *asked.values()],
            page,
        )
        return [_parse(body) for (body,) in rows], more

    def settle(self, now: int) -> int:
        """Make everything that is pending available; how many lines that were."""
        changed = "available_on = ?, body = json_set(body, '$.available_on', ?)"
        rows = self._store.execute(
            f"UPDATE balance_transactions SET {changed} WHERE available_on > ? RETURNING id",  # noqa: S608 (own names)  # nosec B608
            (now, now, now),
        )
        return len(rows)

    def carry_out(self, account: str, currency: str, payout: str, at: int) -> None:
        """Note for all available lines that no automatic payout carried yet that this one does."""
        self._store.execute(
            "UPDATE balance_transactions SET payout = ?, body = json_set(body, '$.payout', ?) "
            "WHERE account = ? AND currency = ? AND available_on <= ? AND payout IS NULL",
            (payout, payout, account, currency, at),
        )


def _parse(body: str) -> BalanceTransaction:
    return BalanceTransaction(**json.loads(body))
