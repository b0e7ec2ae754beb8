"""What an order's money costs after it was placed: its story, adjustments, refunds, tips; and the terms."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.use_cases.place import STORE_ORDER, key, match
from chalicelib.kernel import clock
from chalicelib.kernel.event_types import ReconciliationDue
from chalicelib.payments import service as payments

if TYPE_CHECKING:
    from benchmarks.use_cases.place import Place


def money(place: Place) -> None:
    """A pickup of which a piece is missing, a tip and two refunds; then new terms for orders to come."""
    count, customer, owner, machine = place.count, place.customer, place.owner, place.machine
    order_id = place.place("pickup")["id"]
    where = {"store_id": place.store_id, "order_id": order_id}
    place.serve(order_id, "accept", "start", "ready")
    missing = {"missing": [{"line": "0"}]}
    version = match(place.version(order_id))
    count("adjust", "POST", f"{STORE_ORDER}/adjust", owner, missing, headers=version, **where)
    code = machine.call("GET", f"/v1/orders/{order_id}", customer).body["pickup_code"]
    path = f"{STORE_ORDER}/hand_over".format(**where)
    machine.call("POST", path, owner, {"pickup_code": code}, headers=match(place.version(order_id)))
    machine.drain()

    tip = {"amount": {"amount": 200, "currency": "EUR"}}
    count("tip", "POST", "/v1/orders/{order_id}/tips", customer, tip, headers=key(), order_id=order_id)
    for number in ("first", "second"):
        asked = {"reason": "quality", "amount": {"amount": 100, "currency": "EUR"}}
        count(f"{number} refund", "POST", f"{STORE_ORDER}/refunds", owner, asked, headers=key(), **where)
        machine.drain()
    count("money of an order", "GET", "/v1/orders/{order_id}/money", customer, order_id=order_id)
    count("money of an order, for its store", "GET", f"{STORE_ORDER}/money", owner, **where)

    merchant_id = machine.call("GET", f"/v1/stores/{place.store_id}", owner).body["merchant_id"]
    own, ours = "/v1/orders/{order_id}", STORE_ORDER
    count("invoice", "GET", own + "/invoice", customer, order_id=order_id)
    count(
        "credit note",
        "GET",
        own + "/credit_notes/{credit_note_id}",
        customer,
        order_id=order_id,
        credit_note_id="refund:1",
    )
    count("invoice, for its store", "GET", ours + "/invoice", owner, **where)
    noted = ours + "/credit_notes/{credit_note_id}"
    count("credit note, for its store", "GET", noted, owner, **where, credit_note_id="refund:1")
    count("invoices of a merchant", "GET", "/v1/merchants/{merchant_id}/invoices", owner, merchant_id=merchant_id)
    rates = {"delivery": 1500, "pickup": 600, "dine_in": 0}
    begins = clock.rfc3339(clock.now() + timedelta(days=30))
    terms = {"valid_from": begins, "commission": rates}
    one = "/v1/merchants/{merchant_id}/terms"
    count("agree on terms", "POST", one, place.admin, terms, headers=key(), merchant_id=merchant_id)
    count("terms", "GET", one, owner, merchant_id=merchant_id)

    due: ReconciliationDue | None = ReconciliationDue()
    day = ""
    while due is not None:
        day = due.day or day
        due = payments.reconcile(due)
    count("reconciliations", "GET", "/v1/reconciliations", place.admin)
    count("reconciliation", "GET", "/v1/reconciliations/{day}", place.admin, day=day)
    case = payments.open_case(None, payments.Case("benchmark", order_id, order_id=order_id))
    count("cases", "GET", "/v1/cases", place.admin)
    count("case", "GET", "/v1/cases/{case_id}", place.admin, case_id=case.id)
    closed = {"outcome": "no_action", "note": "benchmark"}
    count("resolve case", "POST", "/v1/cases/{case_id}/resolve", place.admin, closed, case_id=case.id)
