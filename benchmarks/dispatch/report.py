"""Tables and aims: what was played, by groups of instances, beside the baselines and the published figures."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import msgspec

from benchmarks.dispatch.plot import bars
from benchmarks.dispatch.score import Score, total

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

DOORSTEP, MATCHING, NEAREST = "doorstep", "minute matching", "nearest idle"

# Groups in which instances are reported: a name, and which instances are in it.
GROUPS: tuple[tuple[str, str], ...] = (
    ("all", r".*"),
    ("0{o50,r50}*", r"0(o50|r50).*"),
    ("1o50t100s1*", r"1o50t100s1.*"),
    *(
        (f"{size} {schedule}", rf"\d{size}t\d+{schedule}.*")
        for size in ("o100", "o50", "r50")
        for schedule in ("s1", "s2")
    ),
    ("seeds even", r"[02468](o|r).*"),
    ("seeds odd", r"[13579](o|r).*"),
)


class Played(msgspec.Struct, frozen=True):
    """One instance, played in one way."""

    instance: str
    planner: str
    score: Score
    bound: float
    decision_ms: list[float]
    offers: int = 0
    declined: int = 0
    expired: int = 0


def write(out: Path, played: Sequence[Played], *, predicted: bool, real: bool) -> list[str]:
    """Write results.md, results.csv and results.svg; returns the aims that were missed."""
    out.mkdir(parents=True, exist_ok=True)
    _csv(out / "results.csv", played)
    (out / "results.md").write_text(_markdown(played, predicted=predicted, real=real))
    (out / "results.svg").write_text(_plot(played))
    return missed(played, predicted=predicted, real=real)


def pooled(played: Sequence[Played], planner: str, pattern: str) -> Score:
    """The sum over the instances of a group that this planner played."""
    return total(each.score for each in played if each.planner == planner and re.fullmatch(pattern, each.instance))


def missed(played: Sequence[Played], *, predicted: bool, real: bool) -> list[str]:
    """The aims that hold for these instances and were not reached. Riders who poll are compared with a run without."""
    ours, reference = pooled(played, DOORSTEP, ".*"), pooled(played, MATCHING, ".*")
    faults = []
    if predicted:
        faults += _above("undelivered %, preparation predicted", ours.undelivered, 0.25)
        faults += _above("click to door, preparation predicted", ours.ctd, 32.8)
        return faults
    if real:
        return faults
    sixteen = pooled(played, DOORSTEP, r"0(o50|r50).*")
    if sixteen.instances == 16:
        faults += _above("click to door on 0{o50,r50}*", sixteen.ctd_means / 16, 30.98)
        faults += _above("undelivered % on 0{o50,r50}*", sixteen.undelivered, 0.0)
    faults += _above("undelivered %", ours.undelivered, 0.10)
    for name, worst in (("1o50t100s1p100", 3.35), ("1o50t100s1p125", 4.09)):
        faults += _above(f"undelivered % on {name}", pooled(played, DOORSTEP, name).undelivered, worst)
    if reference.instances == ours.instances:
        faults += _above("click to door, of minute matching", ours.ctd, reference.ctd)
        faults += _above("ready to pickup, of minute matching", ours.rtp, reference.rtp)
        faults += _above("pay per order, of minute matching", ours.pay_per_order, reference.pay_per_order)
    return faults


def _above(what: str, measured: float, most: float) -> list[str]:
    return [f"{what}: {measured:.2f} is more than {most:.2f}"] if measured > most + 1e-9 else []


def _markdown(played: Sequence[Played], *, predicted: bool, real: bool) -> str:
    told = ["preparation predicted" if predicted else "ready times known at placement"]
    if real:
        told.append("riders poll every 15 to 30 s and decline 20% of the offers")
    lines = [
        f"# Dispatch: {len({each.instance for each in played})} instances",
        "",
        f"{'; '.join(told)}. Minutes, US$; pooled over orders, `mean CtD` is the mean over instances.",
        "",
        "| instances | planner | orders | undelivered % | CtD | mean CtD | above bound | RtP | pay/order | > 90 min |",
        "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    planners = [each for each in (DOORSTEP, MATCHING, NEAREST) if any(one.planner == each for one in played)]
    for name, pattern in GROUPS:
        for planner in planners:
            score = pooled(played, planner, pattern)
            if score.instances:
                lines.append(
                    f"| `{name}` ({score.instances:.0f}) | {planner} | {score.orders:.0f} | {score.undelivered:.2f} | "
                    f"{score.ctd:.2f} | {score.ctd_means / score.instances:.2f} | {score.above_bound:.2f} | "
                    f"{score.rtp:.2f} | {score.pay_per_order:.2f} | {score.over_maximum:.0f} |"
                )
    ours = [each for each in played if each.planner == DOORSTEP]
    bound = sum(each.bound for each in ours) / len(ours)
    spent = sorted(ms for each in ours for ms in each.decision_ms)
    lines += ["", f"Physical bound: {bound:.2f} minutes, the mean over instances."]
    if spent:
        lines.append(
            f"Decisions: {len(spent)}, CPU milliseconds each: mean {sum(spent) / len(spent):.1f}, "
            f"p99 {spent[int(0.99 * (len(spent) - 1))]:.1f}, most {spent[-1]:.1f}."
        )
    if real:
        offers, declined = sum(each.offers for each in ours), sum(each.declined for each in ours)
        expired = sum(each.expired for each in ours)
        lines.append(f"Offers: {offers}, declined {declined}, expired {expired}.")
    return "\n".join(lines) + "\n"


def _csv(path: Path, played: Sequence[Played]) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(
            "instance planner orders undelivered ctd rtp above_bound pay_per_order over_90 bundled bound".split()  # noqa: SIM905
        )
        for each in played:
            score = each.score
            figures = (score.ctd, score.rtp, score.above_bound, score.pay_per_order)
            rows.writerow(
                [
                    each.instance,
                    each.planner,
                    score.orders,
                    score.orders - score.delivered,
                    *(f"{figure:.3f}" for figure in figures),
                    score.over_maximum,
                    score.bundled,
                    f"{each.bound:.3f}",
                ]
            )


def _plot(played: Sequence[Played]) -> str:
    panels: list[tuple[str, Callable[[Score], float]]] = [
        ("Click to door, minutes", lambda score: score.ctd),
        ("Ready to pickup, minutes", lambda score: score.rtp),
        ("Undelivered, %", lambda score: score.undelivered),
        ("Pay per order, US$", lambda score: score.pay_per_order),
    ]
    planners = [each for each in (DOORSTEP, MATCHING, NEAREST) if any(one.planner == each for one in played)]
    groups = [(name, pattern) for name, pattern in GROUPS if pooled(played, DOORSTEP, pattern).instances]
    return bars(
        [
            (
                title,
                [
                    (name, [measure(pooled(played, planner, pattern)) for planner in planners])
                    for name, pattern in groups
                ],
            )
            for title, measure in panels
        ],
        planners,
    )
