"""The use cases of the payment centre. Other contexts call these and nothing else."""

from __future__ import annotations

from chalicelib.payments.model import Method, Payment, ProviderState, State
from chalicelib.payments.model.bill import DELIVERY_FEE, SMALL_ORDER_FEE, Bill, BillLine, Sums
from chalicelib.payments.provider import ClientAction
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

__all__ = [
    "DELIVERY_FEE",
    "SMALL_ORDER_FEE",
    "Bill",
    "BillLine",
    "ClientAction",
    "Method",
    "Payment",
    "ProviderState",
    "State",
    "Sums",
    "can_pay",
    "capture_payment",
    "get_client_action",
    "get_payment",
    "look_up_provider",
    "open_payment",
    "payment_ref",
    "record_authorised",
    "record_failure",
    "release_payment",
    "start_intent",
]
