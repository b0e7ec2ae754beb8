"""The language of histories: which orders there are, what happens to them step by step, and what goes wrong meanwhile.

A history is data that prints as the Python that makes it, so that a failing one can be read, and kept as a regression.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

Mode = Literal["delivery", "pickup", "dine_in"]
Paying = Literal[
    "card", "card_3ds", "card_declined_first", "never_pays", "cash", "gift", "split", "credit", "all_three"
]
Side = Literal["before", "after"]

# How far an order can be brought; the goods are `gone` when a rider has left with them.
STAGES = ("placed", "paid", "confirmed", "accepted", "ready", "gone", "at_door", "completed", "settled")

BASKETS: dict[str, list[dict[str, Any]]] = {
    "usual": [
        {"sku": "PIZ-MARG-32", "quantity": 2, "modifiers": [{"group_id": "crust", "option_id": "sourdough"}]},
        {"sku": "SAL-CAES", "quantity": 1},
        {"sku": "DRK-COLA-33", "quantity": 3},
    ],
    "small": [{"sku": "SAL-CAES", "quantity": 1}, {"sku": "DRK-COLA-33", "quantity": 1}],
    "wine": [{"sku": "DRK-CHIANTI", "quantity": 1}, {"sku": "DRK-COLA-33", "quantity": 7}],
}


class _Printable(msgspec.Struct, frozen=True, omit_defaults=True):
    def __repr__(self) -> str:
        fields = msgspec.structs.fields(self)
        told = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in fields
            if field.required or getattr(self, field.name) != field.default
        ]
        return f"{type(self).__name__}({', '.join(told)})"


class Crash(_Printable, frozen=True):
    """The process ends before or after its n-th call to DynamoDB or Stripe of the step.

    Then whoever asked asks ``again``, or never; what was in the queue is delivered again in any case.
    """

    call: int
    side: Side = "after"
    again: bool = True


class Fault(_Printable, frozen=True):
    """The next calls of Stripe go wrong, ``times`` of them."""

    kind: str
    times: int = 1
    method: Literal["POST", "GET"] = "POST"
    remembered: bool = False


class Step(_Printable, frozen=True):
    """What happens next. ``of`` is the number of the order that it happens to; ``n`` is how often, or how much."""

    do: str
    of: int = 0
    n: int = 1
    how: str = ""
    trouble: Crash | Fault | None = None


class Spec(_Printable, frozen=True):
    """An order to be placed. ``credit`` is what its gift card, or its customer's credit, has, in minor units."""

    mode: Mode = "pickup"
    paying: Paying = "card"
    basket: str = "usual"
    tip: int = 0
    credit: int = 1000


class History(_Printable, frozen=True):
    """What happens. With ``echo`` every message arrives once more, the youngest first, when all is over."""

    orders: tuple[Spec, ...]
    steps: tuple[Step, ...]
    echo: bool = False

    def __repr__(self) -> str:
        orders = "".join(f"        {order!r},\n" for order in self.orders)
        steps = "".join(f"        {step!r},\n" for step in self.steps)
        echo = "    echo=True,\n" if self.echo else ""
        return f"History(\n    orders=(\n{orders}    ),\n    steps=(\n{steps}    ),\n{echo})"


# --- histories at random ----------------------------------------------------------------------------------------------

_PAYING: tuple[Paying, ...] = (
    "card", "card", "card", "card_3ds", "card_declined_first", "never_pays", "cash", "gift", "split", "split", "credit",
    "all_three", "alipay", "wechat",
)  # fmt: skip
_REFUNDS = ("all", "amount", "amount", "line:0", "line:1", "line:2", "delivery_fee", "tip")
_ANSWERS = ("accept", "reject", "refund", "credit", "resend", "agree", "agree", "decline", "withdraw")
_PAYERS = ("store", "platform", "rider", "supplier")

_faults = st.builds(
    Fault,
    st.sampled_from(
        ("timeout_after_success", "timeout_after_success", "error_500", "error_429", "error_500_after_success")
    ),
    times=st.sampled_from((1, 1, 2, 3, 4)),
    method=st.sampled_from(("POST", "POST", "POST", "GET")),
    remembered=st.booleans(),
)


_ONE, _NOTHING = st.just(1), st.just("")


def _crashes(most: int) -> st.SearchStrategy[Crash]:
    side, again = st.sampled_from(("after", "before")), st.sampled_from((True, True, False))
    return st.builds(Crash, st.integers(1, most), side=side, again=again)


def _chapters(orders: int) -> st.SearchStrategy[list[list[Step]]]:
    which = st.integers(0, orders - 1)
    few = st.integers(1, 4)

    def step(do: str, *, n: Any = _ONE, how: Any = _NOTHING, calls: int = 9) -> st.SearchStrategy[Step]:
        # The smallest history, to which hypothesis shrinks, has no trouble.
        trouble = st.none() | st.none() | st.none() | _crashes(calls) | _faults
        return st.builds(Step, st.just(do), of=which, n=n, how=how, trouble=trouble)

    refunds = st.tuples(st.sampled_from(_REFUNDS), st.sampled_from(_PAYERS)).map("/".join)
    anytime = [
        step("go_on", n=st.integers(1, 5), calls=15),
        step("arrive", n=few, how=st.sampled_from(("oldest", "youngest", "twice", "late_again"))),
        step("arrive", n=few, how=st.just("oldest")),
        step("wait", n=st.sampled_from((1, 5, 6, 16, 60, 1500))),
        step("lose_notice", n=few),
        step("lose_hold"),
        step("revoke_card"),
        step("open_account"),
        step("tip", n=st.sampled_from((100, 350))),
    ]
    before_acceptance = [*anytime, step("cancel"), step("reject"), step("pay_again"), step("wait", n=st.just(6))]
    answer = step("answer", n=st.integers(1, 1500), how=st.sampled_from(_ANSWERS))
    in_the_kitchen = [
        *anytime,
        step("adjust", n=few, how=st.sampled_from(("0", "1", "2"))),
        step("adjust", how=st.sampled_from(("0", "1", "2"))),
        step("give_up"),
        step("drop_delivery"),
        step("claim", how=st.just("cancellation")),
        answer,
        answer,
    ]
    on_the_road = [*anytime, step("fail_delivery"), step("give_up"), answer]
    after_all = [
        *anytime,
        step("refund", n=st.integers(1, 2500), how=refunds),
        step("refund", n=st.integers(1, 600), how=st.just("amount/store")),
        step("refund", how=refunds),
        step("claim", how=st.sampled_from(("refund", "resend"))),
        answer,
        answer,
        step("goodwill", n=st.integers(1, 900)),
        step("dispute", how=st.sampled_from(("won", "lost", ""))),
        step("fail_refund"),
        step("pay_again"),
    ]
    early, late = st.one_of(before_acceptance), st.one_of(after_all)
    fitting = {"accepted": st.one_of(in_the_kitchen), "ready": st.one_of(in_the_kitchen)}
    fitting |= dict.fromkeys(("gone", "at_door"), st.one_of(on_the_road)) | dict.fromkeys(
        ("completed", "settled"), late
    )

    def chapter(stage: str) -> st.SearchStrategy[list[Step]]:
        """An order gets so far, and then there happens what can happen there."""
        reached = step("reach", how=st.just(stage), calls=40)
        deeds = st.lists(fitting.get(stage, early), max_size=4)
        return st.tuples(reached, deeds).map(lambda drawn: [drawn[0], *drawn[1]])

    return st.lists(
        st.sampled_from((*STAGES, "accepted", "settled", "settled")).flatmap(chapter), min_size=1, max_size=4
    )


_CHAPTERS = {orders: _chapters(orders) for orders in (1, 2)}

_specs = st.builds(
    Spec,
    mode=st.sampled_from(("pickup", "delivery", "dine_in")),
    paying=st.sampled_from(_PAYING),
    basket=st.sampled_from(tuple(BASKETS)),
    tip=st.sampled_from((0, 0, 250)),
    credit=st.sampled_from((1000, 3, 700, 2400)),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One or two orders, and up to twenty things that happen to them."""
    orders = tuple(draw(st.lists(_specs, min_size=1, max_size=2)))
    steps = [step for chapter in draw(_CHAPTERS[len(orders)]) for step in chapter]
    return History(orders, tuple(steps), echo=draw(st.sampled_from((False, False, True))))
