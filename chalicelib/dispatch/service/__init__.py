"""What others may ask of dispatch: deliveries for orders, the search, riders and what they report."""

from chalicelib.dispatch.model.delivery import (
    Actor,
    Brief,
    Delivery,
    DeliveryRequest,
    Need,
    Proof,
    Status,
    Step,
    delivery_id,
)
from chalicelib.dispatch.model.eta import route
from chalicelib.dispatch.model.feed import Feed, next_step
from chalicelib.dispatch.model.health import Outlook
from chalicelib.dispatch.model.journey import Command
from chalicelib.dispatch.model.live import LivePosition, follow_after
from chalicelib.dispatch.model.pay import EVERYWHERE, PayLine, PayRules, Peak, total
from chalicelib.dispatch.model.proofs import Evidence
from chalicelib.dispatch.model.rider import Limits, Position, Rider, Vehicle, zone_of
from chalicelib.dispatch.model.shift import Duty, Shift
from chalicelib.dispatch.service.arrivals import check_on_delivery
from chalicelib.dispatch.service.at_work import has_work
from chalicelib.dispatch.service.carrying import hand_in_cash
from chalicelib.dispatch.service.commands import (
    accept_offer,
    arrive_at_door,
    arrive_at_store,
    decline_offer,
    deliver,
    drop_delivery,
    fail_delivery,
    finish_return,
    miss_customer,
    pick_up,
    start_return,
)
from chalicelib.dispatch.service.duties import end_break, read_duties, read_duty, start_shift, take_break
from chalicelib.dispatch.service.earnings import (
    ShiftEarnings,
    list_earnings,
    list_pay_rules,
    pay_delivery,
    pay_guarantee,
    read_shift_earnings,
    set_pay_rules,
    set_shift_pay_going,
)
from chalicelib.dispatch.service.feed import get_delivery, pin_attempts_left, read_feed, tries_left
from chalicelib.dispatch.service.forgetting import coarse, deliveries_with_briefs, forget_customer
from chalicelib.dispatch.service.health import read_health, read_store_health
from chalicelib.dispatch.service.leaving import break_off_shift, check_on_shift, end_shift, finish_shift
from chalicelib.dispatch.service.live import locate_rider
from chalicelib.dispatch.service.pool import Pool, claim_delivery, explain_delivery, read_pool
from chalicelib.dispatch.service.records import read_own_rider, read_rider
from chalicelib.dispatch.service.requests import (
    cancel_delivery,
    collect_instead,
    delivery_ref,
    expect_ready_at,
    mark_ready,
    request_delivery,
)
from chalicelib.dispatch.service.riders import change_rider, register_rider, report_position, save_profile
from chalicelib.dispatch.service.roster import (
    assign_shift,
    cancel_shift,
    change_shift,
    claim_shift,
    free_riders,
    give_back_shift,
    is_shift_id,
    list_open_shifts,
    list_roster,
    list_shifts,
    plan_shift,
    read_shift,
    withdraw_shift,
)
from chalicelib.dispatch.service.search import look_for_rider
from chalicelib.dispatch.service.ticks import tick_zone
from chalicelib.dispatch.tables.earnings import Earning

__all__ = [
    "EVERYWHERE",
    "Actor",
    "Brief",
    "Command",
    "Delivery",
    "DeliveryRequest",
    "Duty",
    "Earning",
    "Evidence",
    "Feed",
    "Limits",
    "LivePosition",
    "Need",
    "Outlook",
    "PayLine",
    "PayRules",
    "Peak",
    "Pool",
    "Position",
    "Proof",
    "Rider",
    "Shift",
    "ShiftEarnings",
    "Status",
    "Step",
    "Vehicle",
    "accept_offer",
    "arrive_at_door",
    "arrive_at_store",
    "assign_shift",
    "break_off_shift",
    "cancel_delivery",
    "cancel_shift",
    "change_rider",
    "change_shift",
    "check_on_delivery",
    "check_on_shift",
    "claim_delivery",
    "claim_shift",
    "coarse",
    "collect_instead",
    "decline_offer",
    "deliver",
    "deliveries_with_briefs",
    "delivery_id",
    "delivery_ref",
    "drop_delivery",
    "end_break",
    "end_shift",
    "expect_ready_at",
    "explain_delivery",
    "fail_delivery",
    "finish_return",
    "finish_shift",
    "follow_after",
    "forget_customer",
    "free_riders",
    "get_delivery",
    "give_back_shift",
    "hand_in_cash",
    "has_work",
    "is_shift_id",
    "list_earnings",
    "list_open_shifts",
    "list_pay_rules",
    "list_roster",
    "list_shifts",
    "locate_rider",
    "look_for_rider",
    "mark_ready",
    "miss_customer",
    "next_step",
    "pay_delivery",
    "pay_guarantee",
    "pick_up",
    "pin_attempts_left",
    "plan_shift",
    "read_duties",
    "read_duty",
    "read_feed",
    "read_health",
    "read_own_rider",
    "read_pool",
    "read_rider",
    "read_shift",
    "read_shift_earnings",
    "read_store_health",
    "register_rider",
    "report_position",
    "request_delivery",
    "route",
    "save_profile",
    "set_pay_rules",
    "set_shift_pay_going",
    "start_return",
    "start_shift",
    "take_break",
    "tick_zone",
    "total",
    "tries_left",
    "withdraw_shift",
    "zone_of",
]
