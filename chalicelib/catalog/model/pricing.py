"""The price of one line of a basket, or everything that is wrong with it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from chalicelib.kernel import clock
from chalicelib.kernel.errors import Violation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from chalicelib.catalog.document import ComboComponent, ModifierOption
    from chalicelib.catalog.model.availability import Availability, Kind
    from chalicelib.catalog.model.menu import Menu, Offer


class ModifierChoice(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen option. An option may itself have groups to choose from: `modifiers`, one level deep."""

    group_id: str
    option_id: str
    quantity: int = 1
    modifiers: tuple[ModifierChoice, ...] = ()


class ComponentChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What fills one component of a combo, with its own modifiers."""

    component_id: str
    sku: str
    quantity: int = 1
    modifiers: tuple[ModifierChoice, ...] = ()


class LineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A line as the customer asks for it. `components` is for combos only."""

    sku: str
    quantity: int = 1
    modifiers: tuple[ModifierChoice, ...] = ()
    components: tuple[ComponentChoice, ...] = ()
    note: str = ""


class PricedModifier(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One printed row below a line: an option, or the SKU that fills a combo component.

    `depth` is the indentation on the kitchen's ticket; `quantity` is per unit of what it is indented under,
    and `unit_minor` is the price of one.
    """

    group_id: str
    group_name: str
    option_id: str
    name: str
    quantity: int
    unit_minor: int
    depth: int = 0


class PricedLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line with everything that an order must remember of the menu.

    `unit_minor` is one unit with its modifiers, never below zero; `total_minor` is that times `quantity`.
    `counted` says how many of each counted SKU the whole line takes from stock. Of what is sold by weight,
    `by_weight_minor` of a unit's price is for `weight_grams`; the rest is for its modifiers.
    """

    sku: str
    product_id: str
    name: str
    variant_name: str
    quantity: int
    unit_minor: int
    total_minor: int
    tax_category: str
    modifiers: tuple[PricedModifier, ...] = ()
    note: str = ""
    counted: dict[str, int] = {}
    minimum_age: int = 0
    weight_grams: int = 0
    by_weight_minor: int = 0

    @property
    def age_restricted(self) -> bool:
        """Whether somebody's age must be checked at the hand-over."""
        return self.minimum_age > 0


def price_line(
    menu: Menu, availability: Availability, line: LineRequest, at_local: datetime, pointer: str
) -> tuple[PricedLine | None, list[Violation]]:
    """Price a line as of ``at_local``, the store's local time (aware) at which the customer has it.

    Either the priced line and no violations, or None and all of them, their pointers below ``pointer``
    ("/lines/0"). Amounts are minor units of ``menu.currency``.
    """
    if at_local.tzinfo is None:
        raise ValueError("at_local must carry the store's time zone")
    return _LinePricer(menu, availability, line, at_local, pointer).price()


class _LinePricer:
    """Walks a line once, collecting violations, printed rows, counted SKUs and the price of one unit."""

    def __init__(
        self, menu: Menu, availability: Availability, line: LineRequest, at_local: datetime, pointer: str
    ) -> None:
        self._menu = menu
        self._availability = availability
        self._line = line
        self._at_local = at_local
        self._pointer = pointer
        self._violations: list[Violation] = []
        self._rows: list[PricedModifier] = []
        self._counted: Counter[str] = Counter()
        self._minimum_age = 0

    def price(self) -> tuple[PricedLine | None, list[Violation]]:
        line, offer = self._line, self._menu.offers.get(self._line.sku)
        if offer is None:
            self._refuse("unknown_sku", "/sku", f"The menu has no {line.sku}.", sku=line.sku)
            return None, self._violations
        self._check_sale(offer)
        self._check_quantity("/quantity", line.quantity, offer.variant.max_quantity)
        unit = offer.variant.price_minor
        unit += self._price_modifiers(offer.modifier_group_ids, line.modifiers, "", times=1, depth=0)
        unit += self._price_components(offer)
        self._take(offer, 1)
        if self._violations:
            return None, self._violations
        unit = max(unit, 0)
        return self._priced(offer, unit), []

    def _priced(self, offer: Offer, unit: int) -> PricedLine:
        line = self._line
        return PricedLine(
            sku=line.sku,
            product_id=offer.product.id,
            name=offer.product.name,
            variant_name=offer.variant.name,
            quantity=line.quantity,
            unit_minor=unit,
            total_minor=unit * line.quantity,
            tax_category=offer.product.tax_category,
            modifiers=tuple(self._rows),
            note=line.note,
            counted={sku: quantity * line.quantity for sku, quantity in self._counted.items()},
            minimum_age=self._minimum_age,
            weight_grams=offer.variant.weight_grams or 0,
            by_weight_minor=min(unit, offer.variant.price_minor) if offer.variant.weight_grams else 0,
        )

    def _check_sale(self, offer: Offer) -> None:
        product = offer.product
        self._check_available("product", product.id, product.name, "/sku")
        self._check_available("sku", offer.variant.sku, product.name, "/sku")
        if self._menu.is_sold_at(product, self._at_local):
            return
        following = self._menu.next_sold_at(product, self._at_local)
        self._refuse(
            "outside_daypart",
            "/sku",
            f"{product.name} is not sold at {self._at_local:%H:%M}.",
            sku=offer.variant.sku,
            next_local=following.isoformat(timespec="minutes") if following else None,
        )

    def _price_modifiers(
        self,
        group_ids: Sequence[str],
        choices: Sequence[ModifierChoice],
        place: str,
        *,
        times: int,
        depth: int,
    ) -> int:
        """Price of the choices for one unit of their owner; ``times`` owners make one unit of the line."""
        chosen: Counter[str] = Counter()
        taken: Counter[tuple[str, str]] = Counter()
        price = 0
        for number, choice in enumerate(choices):
            here = f"{place}/modifiers/{number}"
            option = self._find_option(group_ids, choice, here)
            if option is None or not self._check_quantity(f"{here}/quantity", choice.quantity, None):
                continue
            chosen[choice.group_id] += choice.quantity
            taken[choice.group_id, option.id] += choice.quantity
            self._check_option_limit(choice, option, taken[choice.group_id, option.id], here)
            price += choice.quantity * self._price_option(option, choice, here, times=times, depth=depth)
        for group_id in group_ids:
            self._check_group_limits(group_id, chosen[group_id], place)
        return price

    def _find_option(self, group_ids: Sequence[str], choice: ModifierChoice, here: str) -> ModifierOption | None:
        if choice.group_id not in group_ids:
            self._refuse(
                "unknown_group",
                f"{here}/group_id",
                f"There is no choice {choice.group_id} here.",
                group_id=choice.group_id,
            )
            return None
        option = self._menu.options.get((choice.group_id, choice.option_id))
        if option is None:
            self._refuse(
                "unknown_option",
                f"{here}/option_id",
                f"{self._menu.groups[choice.group_id].name} has no option {choice.option_id}.",
                group_id=choice.group_id,
                option_id=choice.option_id,
            )
            return None
        self._check_available("option", option.id, option.name, f"{here}/option_id")
        if option.counted_sku:
            self._check_available("sku", option.counted_sku, option.name, f"{here}/option_id")
        return option

    def _price_option(
        self, option: ModifierOption, choice: ModifierChoice, here: str, *, times: int, depth: int
    ) -> int:
        group = self._menu.groups[choice.group_id]
        self._rows.append(
            PricedModifier(
                group_id=group.id,
                group_name=group.name,
                option_id=option.id,
                name=option.name,
                quantity=choice.quantity,
                unit_minor=option.price_minor,
                depth=depth,
            )
        )
        units = times * choice.quantity
        if option.counted_sku:
            self._counted[option.counted_sku] += units
        self._minimum_age = max(self._minimum_age, option.minimum_age)
        # A published menu nests one level only, so below it there is nothing to choose and this ends.
        return option.price_minor + self._price_modifiers(
            option.modifier_group_ids, choice.modifiers, here, times=units, depth=depth + 1
        )

    def _check_option_limit(self, choice: ModifierChoice, option: ModifierOption, taken: int, here: str) -> None:
        if taken > option.max_quantity:
            self._refuse(
                "modifier_max",
                f"{here}/quantity",
                f"At most {option.max_quantity} × {option.name}.",
                group_id=choice.group_id,
                option_id=option.id,
                max=option.max_quantity,
                chosen=taken,
            )

    def _check_group_limits(self, group_id: str, chosen: int, place: str) -> None:
        group = self._menu.groups[group_id]
        if chosen < group.min_choices:
            self._refuse(
                "modifier_min",
                f"{place}/modifiers",
                f"{group.name}: choose at least {group.min_choices}.",
                group_id=group.id,
                min=group.min_choices,
                chosen=chosen,
            )
        if chosen > group.max_choices:
            self._refuse(
                "modifier_max",
                f"{place}/modifiers",
                f"{group.name}: choose at most {group.max_choices}.",
                group_id=group.id,
                max=group.max_choices,
                chosen=chosen,
            )

    def _price_components(self, combo: Offer) -> int:
        components = {component.id: component for component in combo.components}
        chosen: Counter[str] = Counter()
        taken: Counter[tuple[str, str]] = Counter()
        price = 0
        for number, choice in enumerate(self._line.components):
            here = f"/components/{number}"
            component = components.get(choice.component_id)
            if component is None:
                self._refuse(
                    "unknown_component",
                    f"{here}/component_id",
                    f"{combo.product.name} has no part {choice.component_id}.",
                    component_id=choice.component_id,
                )
                continue
            if self._check_quantity(f"{here}/quantity", choice.quantity, None):
                chosen[component.id] += choice.quantity
                taken[component.id, choice.sku] += choice.quantity
                price += choice.quantity * self._price_choice(component, choice, here, taken[component.id, choice.sku])
        for component in combo.components:
            self._check_component_limits(component, chosen[component.id])
        return price

    def _price_choice(self, component: ComboComponent, choice: ComponentChoice, here: str, taken: int) -> int:
        allowed = next((entry for entry in component.choices if entry.sku == choice.sku), None)
        if allowed is None:
            self._refuse(
                "unknown_choice",
                f"{here}/sku",
                f"{choice.sku} can't be chosen as {component.name}.",
                component_id=component.id,
                sku=choice.sku,
            )
            return 0
        if taken > allowed.max_quantity:
            self._refuse(
                "combo_max",
                f"{here}/quantity",
                f"{component.name}: at most {allowed.max_quantity} of {choice.sku}.",
                component_id=component.id,
                sku=choice.sku,
                max=allowed.max_quantity,
                chosen=taken,
            )
        offer = self._menu.offers[choice.sku]
        self._check_available("product", offer.product.id, offer.product.name, f"{here}/sku")
        self._check_available("sku", choice.sku, offer.product.name, f"{here}/sku")
        self._rows.append(
            PricedModifier(
                group_id=component.id,
                group_name=component.name,
                option_id=choice.sku,
                name=f"{offer.product.name} {offer.variant.name}".rstrip(),
                quantity=choice.quantity,
                unit_minor=allowed.price_minor,
            )
        )
        self._take(offer, choice.quantity)
        return allowed.price_minor + self._price_modifiers(
            offer.modifier_group_ids, choice.modifiers, here, times=choice.quantity, depth=1
        )

    def _check_component_limits(self, component: ComboComponent, chosen: int) -> None:
        figures = {"component_id": component.id, "chosen": chosen}
        if chosen < component.min_choices:
            self._refuse(
                "combo_min",
                "/components",
                f"{component.name}: choose at least {component.min_choices}.",
                min=component.min_choices,
                **figures,
            )
        if chosen > component.max_choices:
            self._refuse(
                "combo_max",
                "/components",
                f"{component.name}: choose at most {component.max_choices}.",
                max=component.max_choices,
                **figures,
            )

    def _take(self, offer: Offer, units: int) -> None:
        if offer.variant.counted:
            self._counted[offer.variant.sku] += units
        self._minimum_age = max(self._minimum_age, offer.product.minimum_age)

    def _check_available(self, kind: Kind, identifier: str, name: str, place: str) -> None:
        entry = self._availability.find(kind, identifier, self._at_local)
        if entry is not None:
            self._refuse(
                "unavailable_86",
                place,
                f"{name} is not available.",
                kind=kind,
                id=identifier,
                until=clock.rfc3339(entry.until) if entry.until else None,
            )

    def _check_quantity(self, place: str, quantity: int, maximum: int | None) -> bool:
        if quantity >= 1 and (maximum is None or quantity <= maximum):
            return True
        bounds = {"min": 1} if maximum is None else {"min": 1, "max": maximum}
        wording = "At least 1." if maximum is None else f"Between 1 and {maximum}."
        self._refuse("quantity_out_of_bounds", place, wording, quantity=quantity, **bounds)
        return False

    def _refuse(self, code: str, place: str, detail: str, **params: object) -> None:
        self._violations.append(Violation(code, self._pointer + place, detail, params))
