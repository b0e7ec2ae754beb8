"""The order whose money docs/money.md tells of, from its quote to the payouts: run, with its figures as on the page.

`python -m pytest tests/test_money_guide.py` compares the page with a run; with `MONEY_GUIDE=write` in the environment
it writes the run's figures into the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.edge import tokens
from chalicelib.kernel import clock, events, ids
from chalicelib.kernel.event_types import DeliveryDelivered
from chalicelib.kernel.principals import ADMIN, CUSTOMER, RIDER, STAFF, Principal
from chalicelib.ordering import service
from chalicelib.stores import service as stores
from tests.edge.conftest import Caller
from tests.ordering import world
from tests.payments.settling import Settled

if TYPE_CHECKING:
    import pytest

MONDAY_NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
WEEK_IS_OVER = datetime(2026, 3, 9, 0, 1, tzinfo=UTC)
TERMS = {
    "commission": {"delivery": 1500, "pickup": 600, "dine_in": 0},
    "commission_tax": 1900,
    "rider_fee_share": 8000,
}
MERCHANT = {
    "legal_name": "Pizza Nuova GmbH",
    "address": {"line1": "Torstraße 1", "city": "Berlin", "postal_code": "10119"},
    "vat_id": "DE136695976",
    "invoice_prefix": "PN-",
}
LINES = [
    {"sku": "PIZ-MARG-32", "quantity": 2, "modifiers": [{"group_id": "crust", "option_id": "sourdough"}]},
    {"sku": "SAL-CAES", "quantity": 1},
    {"sku": "DRK-COLA-33", "quantity": 1},
]
DOOR = {
    "point": {"lat": 52.535, "lng": 13.41},
    "street": "Kastanienallee 7",
    "postal_code": "10435",
    "city": "Berlin",
}


@dataclass
class Run:
    """What the API answered in one run, by step."""

    quote: dict[str, Any]
    held: dict[str, Any]
    delivered: dict[str, Any]
    invoice: dict[str, Any]
    refund: dict[str, Any]
    credit_note: dict[str, Any]
    ledger: dict[str, Any]
    statement: dict[str, Any]
    rider_statement: dict[str, Any]
    names: dict[str, str]


class Play:
    """Plays the order over HTTP, in this process, on the emulated DynamoDB and the Stripe sandbox."""

    def __init__(self, stripe: world.Stripe, monkeypatch: pytest.MonkeyPatch) -> None:
        from app import app

        self._caller = Caller(app)
        self._monkeypatch = monkeypatch
        self._stripe = stripe
        with clock.freeze(MONDAY_NOON - timedelta(days=1)):
            self.shop = world.open_shop()
            stores.change_merchant(self.shop.store.merchant_id, MERCHANT, 1)
        self.rider_id = ids.new_id("rdr")
        self._settled = Settled(stripe, self.shop.id, self.rider_id)  # type: ignore[arg-type]

    def run(self) -> Run:
        """The whole way."""
        merchant_id, store_id = self.shop.store.merchant_id, self.shop.id
        with clock.freeze(MONDAY_NOON - timedelta(days=1)):
            begins = {"valid_from": clock.rfc3339(MONDAY_NOON - timedelta(hours=1))}
            self._call("admin", "POST", f"/v1/merchants/{merchant_id}/terms", {**TERMS, **begins})
        with clock.freeze(MONDAY_NOON):
            basket = {"store_id": store_id, "mode": "delivery", "lines": LINES, "address": DOOR}
            tip = {"tip": {"amount": 200, "currency": "EUR"}}
            quote = self._call("customer", "POST", "/v1/quotes", {**basket, **tip})
            wanted = {"quote_id": quote["id"], "payment_method": "card"}
            order = self._call("customer", "POST", "/v1/orders", wanted)
            order_id = order["id"]
            self._stripe.authorise(order_id)
            service.follow_payment(order_id, ids.new_id("evt"))
            held = self._call("customer", "GET", f"/v1/orders/{order_id}/money")
            self.shop.make_ready(world.order_of(order_id))
            brought = DeliveryDelivered(
                delivery_id=order_id.replace("ord_", "dlv_"),
                order_id=order_id,
                rider_id=self.rider_id,
                at=clock.rfc3339(clock.now()),
            )
            assert world.deliver("payments", events.envelope(brought)) == []
            self._settle(order_id)
            ours = f"/v1/stores/{store_id}/orders/{order_id}"
            delivered = self._call("owner", "GET", f"{ours}/money")
            invoice = self._call("customer", "GET", f"/v1/orders/{order_id}/invoice")
            back = {"reason": "quality", "paid_by": "store", "lines": [{"line": "0", "quantity": 1}]}
            self._call("owner", "POST", f"{ours}/refunds", back)
            self._settle(order_id)
            ledger = self._call("owner", "GET", f"{ours}/money")
            note = self._call("customer", "GET", f"/v1/orders/{order_id}/credit_notes/refund:1")
        statements = {}
        for party in (self._settled.store, self._settled.rider):
            self._settled.onboard(party)
            statement = self._settled.close(party, WEEK_IS_OVER)
            assert statement is not None
            self._settled.pay_out(statement, WEEK_IS_OVER)
            who, path = ("owner", f"/v1/stores/{store_id}") if party.kind == "store" else ("rider", "/v1/rider")
            statements[party.kind] = self._call(who, "GET", f"{path}/statements/EUR-1")
        return Run(
            quote=quote,
            held=held,
            delivered=delivered,
            invoice=invoice,
            refund=ledger["refunds"][0],
            credit_note=note,
            ledger=ledger,
            statement=statements["store"],
            rider_statement=statements["rider"],
            names={order_id: "<order>", store_id: "<store>", self.rider_id: "<rider>"},
        )

    def _settle(self, order_id: str) -> None:
        """Everything that was told about the order reaches who takes money and who issues invoices."""
        for queue in ("payments", "invoices"):
            news = [each for each in world.emitted(order_id) if queue in events.ROUTES.get(each.type, ())]
            assert world.deliver(queue, *news) == []

    def _call(self, who: str, method: str, path: str, body: Any = None) -> Any:
        people = {
            "customer": (self.shop.customer_id, CUSTOMER),
            "owner": (self.shop.owner_id, STAFF),
            "rider": (self.rider_id, RIDER),
            "admin": ("usr_admin", ADMIN),
        }
        subject, role = people[who]
        self._monkeypatch.setattr(tokens, "principal_of", lambda _: Principal(subject, frozenset({role})))
        headers = {"idempotency_key": ids.new_id("key")} if method == "POST" else {}
        answer = self._caller(method, path, body, **headers)
        assert answer.status < 300, answer.body
        return answer.json


# --- figures ----------------------------------------------------------------------------------------------------------


def figures(run: Run) -> dict[str, str]:
    """The page's tables, by name."""
    return {
        "quote": _quote(run.quote),
        "bill": _bill(run.held["bill"]),
        "sale": _entries(run.delivered, run.names, ("captured", "sale", "rider_pay")),
        "invoice": _paper(run.invoice),
        "refund": _refund(run.refund),
        "undone": _entries(run.ledger, run.names, ("refunded",)),
        "credit_note": _paper(run.credit_note),
        "statement": _statement(run.statement),
        "rider_statement": _statement(run.rider_statement),
        "balances": _balances(run.ledger["balances"], run.names),
    }


def _quote(quote: dict[str, Any]) -> str:
    breakdown = quote["breakdown"]
    rows = [(f"{line['quantity']} × {line['name']}", _m(line["total"])) for line in quote["lines"]]
    rows += [("**items**", _m(breakdown["items"])), ("delivery fee", _m(breakdown["delivery_fee"]))]
    rows += [("tip", _m(breakdown["tip"])), ("**total**", _m(quote["total"]))]
    rows += [
        (f"of which tax, {_rate(tax['rate_basis_points'])} in {_m(tax['base'])}", _m(tax["tax"]))
        for tax in breakdown["taxes"]
    ]
    return _table(("quoted", "EUR"), rows)


def _bill(bill: dict[str, Any]) -> str:
    rows = [
        (
            part["line"],
            part["name"],
            str(part["quantity"]),
            _m(part["gross"]),
            _rate(part["tax_rate_basis_points"]) if part["tax"]["amount"] else "",
            _m(part["tax"]),
        )
        for part in bill["parts"]
    ]
    return _table(("line", "part", "pieces", "gross", "rate", "tax"), [*rows, ("", "", "", _m(bill["total"]), "", "")])


def _entries(story: dict[str, Any], names: dict[str, str], kinds: tuple[str, ...]) -> str:
    rows = [
        (entry["kind"], f"`{_named(line['account'], names)}`", line["about"], _m(line["amount"]))
        for kind in kinds
        for entry in story["entries"]
        if entry["kind"] == kind
        for line in entry["lines"]
    ]
    return _table(("entry", "account", "about", "debit +, credit -"), rows)


def _paper(paper: dict[str, Any]) -> str:
    rows = [("**" + paper["number"] + "**", "", "", "")]
    for part in paper["parts"]:
        rows.append((part["seller"]["legal_name"], "", "", ""))
        rows += [
            (f"{line['quantity']} × {line['name']}", _rate(line["tax_rate_basis_points"]), _m(line["tax"]), gross)
            for line in part["lines"]
            for gross in (_m(line["gross"]),)
        ]
        rows += [
            (f"net {_m(tax['net'])}", _rate(tax["rate_basis_points"]), _m(tax["tax"]), _m(tax["gross"]))
            for tax in part["taxes"]
        ]
    if paper["tip"]["amount"]:
        rows.append(("tip", "", "", _m(paper["tip"])))
    rows.append(("**total**", "", "", _m(paper["total"])))
    return _table((paper["kind"].replace("_", " "), "rate", "tax", "gross"), rows)


def _refund(refund: dict[str, Any]) -> str:
    rows = [(each["line"], str(each["quantity"]), _m(each["gross"]), _m(each["tax"])) for each in refund["shares"]]
    return _table(("line", "pieces", "gross", "tax"), rows)


def _statement(statement: dict[str, Any]) -> str:
    rows = [("opening balance", _m(statement["opening_balance"]))]
    rows += [(each["kind"].replace("_", " "), _m(each["amount"])) for each in statement["totals"]]
    rows += [("**closing balance**", _m(statement["closing_balance"])), ("to pay", _m(statement["to_pay"]))]
    rows.append((f"payout, {statement['payout']['state']}", _m(statement["payout"]["amount"])))
    return _table(("statement " + statement["id"], "EUR"), rows)


def _balances(balances: dict[str, int], names: dict[str, str]) -> str:
    rows = [(f"`{_named(account, names)}`", _minor(amount)) for account, amount in balances.items()]
    return _table(("account", "balance"), [*sorted(rows), ("**sum**", _minor(sum(balances.values())))])


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _named(account: str, names: dict[str, str]) -> str:
    for identifier, name in names.items():
        account = account.replace(identifier, name)
    return account


def _m(amount: dict[str, Any]) -> str:
    assert amount["currency"] == "EUR"
    return _minor(amount["amount"])


def _minor(amount: int) -> str:
    return f"{'-' if amount < 0 else ''}{abs(amount) // 100}.{abs(amount) % 100:02d}"


def _rate(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"
