"""Which queues react to which events."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# The one source for the bus's rules, for delayed timers and for the local pump.
# Events that are not named here reach the bus (its archive, and whatever subscribes later) and no queue.
ROUTES: Mapping[str, tuple[str, ...]] = {
    "OrderDeadlineReached": ("ordering",),
    "BackfillDue": ("upkeep",),
    "TruthSweepDue": ("ordering",),
    "ReconciliationDue": ("payments",),
    "ErasureDue": ("ordering",),
    "ClaimDeadlineReached": ("ordering",),
    "ResendFailed": ("ordering",),
    "ConsentDeadlineReached": ("ordering",),
    "ExtraNotified": ("ordering",),
    "ExtraDeclined": ("payments",),
    "OrderHandedOver": ("payments",),
    "OrderEnded": ("payments",),
    "PaymentNotified": ("ordering",),
    "OrderPaymentDue": ("ordering",),
    "HoldSuperseded": ("payments",),
    "RefundRequested": ("payments",),
    "SaleRecorded": ("invoices",),
    "RefundSettled": ("payments",),
    "SettlementDue": ("payments",),
    "StatementDue": ("payments",),
    "PayoutDue": ("payments",),
    "TipNotified": ("payments",),
    "TipRefundRequested": ("payments",),
    "DisputeNotified": ("payments",),
    "RefundNotified": ("payments",),
    "AccountNotified": ("payments",),
    "BankPayoutNotified": ("payments",),
    "CreditExpiryReached": ("payments",),
    "DeliverySearchDue": ("dispatch",),
    "ZoneTickDue": ("dispatch",),
    "ShiftCheckDue": ("dispatch",),
    "ShiftEnded": ("dispatch",),
    "ShiftPayDue": ("dispatch",),
    "RiderEarned": ("payments",),
    "ShiftCancelled": ("dispatch",),
    "DeliveryPickedUp": ("ordering",),
    "DeliveryAtRisk": ("ordering",),
    "DeliveryCheckDue": ("dispatch",),
    "DeliveryDelivered": ("ordering", "payments", "dispatch"),
    "DeliveryFailed": ("ordering",),
    "DeliveryReturned": ("ordering", "dispatch"),
    "DeliveryUnfilled": ("ordering",),
}
QUEUES = tuple(sorted({queue for queues in ROUTES.values() for queue in queues}))
