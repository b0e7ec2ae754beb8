"""The use cases of the payment centre. Other contexts call these and nothing else."""

from __future__ import annotations

from chalicelib.payments.model import Method, Payment, ProviderState, State
from chalicelib.payments.model.bill import DELIVERY_FEE, SMALL_ORDER_FEE, Bill, BillLine, Sums
from chalicelib.payments.model.credit import Credit, CreditPart, Movement
from chalicelib.payments.provider import ClientAction
from chalicelib.payments.service.credit import (
    Grant,
    IssuedCard,
    expire_credit,
    get_gift_card,
    give_credit,
    give_goodwill,
    grant,
    issue_gift_card,
    list_card_movements,
    list_own_credit,
    list_own_movements,
    look_at_gift_card,
    revoke_gift_card,
    store_credit_ref,
)
from chalicelib.payments.service.paying import (
    can_pay,
    capture_payment,
    get_client_action,
    get_payment,
    look_up_provider,
    open_payment,
    payment_ref,
    record_authorised,
    record_failure,
    release_payment,
    start_intent,
)
from chalicelib.payments.service.tendering import Tender, TenderPlan, plan_tenders, refund_to_credit

__all__ = [
    "DELIVERY_FEE",
    "SMALL_ORDER_FEE",
    "Bill",
    "BillLine",
    "ClientAction",
    "Credit",
    "CreditPart",
    "Grant",
    "IssuedCard",
    "Method",
    "Movement",
    "Payment",
    "ProviderState",
    "State",
    "Sums",
    "Tender",
    "TenderPlan",
    "can_pay",
    "capture_payment",
    "expire_credit",
    "get_client_action",
    "get_gift_card",
    "get_payment",
    "give_credit",
    "give_goodwill",
    "grant",
    "issue_gift_card",
    "list_card_movements",
    "list_own_credit",
    "list_own_movements",
    "look_at_gift_card",
    "look_up_provider",
    "open_payment",
    "payment_ref",
    "plan_tenders",
    "record_authorised",
    "record_failure",
    "refund_to_credit",
    "release_payment",
    "revoke_gift_card",
    "start_intent",
    "store_credit_ref",
]
