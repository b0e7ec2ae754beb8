"""Histories that once broke something, by what they broke. Each is played by every run of the tests."""

from __future__ import annotations

from tests.payments.histories.script import Crash, Fault, History, Spec, Step

REGRESSIONS: dict[str, History] = {
    "nothing goes wrong": History(
        orders=(Spec(), Spec(mode="delivery", paying="split", tip=250)),
        steps=(
            Step("reach", how="settled"),
            Step("reach", of=1, how="settled"),
            Step("refund", n=500, how="all/store"),
        ),
    ),
    # Stripe tells it as a refund of what was never captured; it was entered as money that had gone back.
    "a hold that the bank let go is no refund": History(
        orders=(Spec(mode="dine_in", basket="small"),),
        steps=(Step("reach", how="paid"), Step("lose_notice", n=2), Step("lose_hold"), Step("go_on", n=2)),
    ),
    # No sale was posted, and what the gift card had given stayed in the customer's favour.
    "a gift card was taken and the hold was lost": History(
        orders=(Spec(mode="dine_in", paying="split", credit=2400),),
        steps=(Step("reach", how="completed"), Step("lose_hold")),
    ),
    # The refund that the order's end made was taken for one by other hands, and entered once more.
    "a tip for an order that its store never answered": History(
        orders=(Spec(mode="delivery", paying="gift", basket="small"),),
        steps=(Step("reach", how="paid"), Step("tip", n=100), Step("wait", n=6)),
    ),
    # The look for the payment made a second intent and closed that; the first could still be paid.
    "a key that Stripe has forgotten": History(
        orders=(Spec(paying="never_pays"),),
        steps=(Step("reach", how="placed"), Step("wait", n=1500)),
    ),
    # Captured and refunded more than was ever authorised.
    "a wallet was paid, nobody had heard of it, and its customer stepped back": History(
        orders=(Spec(mode="delivery", paying="wechat", basket="small"),),
        steps=(Step("reach", how="paid"), Step("cancel")),
    ),
    # Found by nobody: everything that can befall a refund, one after the other.
    "a refund is asked for, the process ends, and Stripe fails": History(
        orders=(Spec(mode="pickup", paying="all_three", tip=250),),
        steps=(
            Step("reach", how="settled"),
            Step("refund", n=700, how="amount/store", trouble=Crash(call=5)),
            Step("arrive", n=2, how="oldest", trouble=Fault("error_500_after_success", times=2)),
            Step("refund", how="line:0/platform", trouble=Crash(call=4, again=False)),
            Step("arrive", n=3, how="twice", trouble=Fault("timeout_after_success", times=3)),
            Step("refund", how="all/store"),
        ),
        echo=True,
    ),
}
