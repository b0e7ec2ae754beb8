"""The menu document: what a merchant edits, what is stored, and what customers read.

One shape serves the three, so that a published menu is byte for byte what was checked. The types here hold
shape and size only; whether a menu makes sense as a whole (references, minimum against maximum, unique SKUs)
is decided by `chalicelib.catalog.model.check_menu`, which reports everything at once instead of the first
fault. That is why a negative price or an id with odd characters is still *decodable*.

Every price is a whole number of minor units of `MenuDocument.currency`: repeating the currency at each of
some ten thousand prices would make a large menu a third bigger.

A stored document outlives the code that wrote it: give new fields a default, and never remove one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_DOCUMENT_BYTES = 4_000_000
"""Largest menu, as JSON."""

MAX_CARRIED_BYTES = 5_800_000
"""Largest menu as Lambda carries it: 6 MB a message, in which JSON inside JSON has its quotes escaped."""

Id = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Letters, digits, '.', '_', '-' and ':'; begins with a letter or digit.",
        examples=["prd_margherita"],
    ),
]
Sku = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="Stock keeping unit: the merchant's own code for one variant, unique in the menu.",
        examples=["PIZ-MARG-32"],
    ),
]
Name = Annotated[str, Meta(min_length=1, max_length=120, description="Shown to customers.")]
Description = Annotated[str, Meta(max_length=1000, description="Shown to customers below the name.")]
Price = Annotated[
    int,
    Meta(
        ge=-100_000_000,
        le=100_000_000,
        description="Minor units of the menu's currency.",
        examples=[1250],
    ),
]
Choices = Annotated[int, Meta(ge=0, le=99)]
Quantity = Annotated[int, Meta(ge=1, le=999)]
ImageUrl = Annotated[
    str,
    Meta(min_length=1, max_length=500, description="An https address.", examples=["https://img.example/1.jpg"]),
]
LocalTime = Annotated[
    str,
    Meta(
        max_length=5,
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$(?!\n)",
        description="HH:MM on the store's clock; 24:00 is the end of the day.",
        examples=["11:30"],
    ),
]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Allergen = Literal[
    "celery",
    "crustaceans",
    "eggs",
    "fish",
    "gluten",
    "lupin",
    "milk",
    "molluscs",
    "mustard",
    "nuts",
    "peanuts",
    "sesame",
    "soybeans",
    "sulphites",
]
"""The fourteen of Regulation (EU) 1169/2011, annex II; they cover the nine of the US FASTER Act."""

GroupIds = Annotated[tuple[Id, ...], Meta(max_length=30)]
DaypartIds = Annotated[tuple[Id, ...], Meta(max_length=30)]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """A part of a menu. A tree without cycles, so the garbage collector need not look into it."""


class Window(Part, frozen=True, kw_only=True):
    """A span of the local day. One that ends before it starts runs into the next day (22:00–02:00)."""

    days: Annotated[tuple[Day, ...], Meta(max_length=7, description="Days on which the window starts.")]
    start: LocalTime
    end: LocalTime


class Daypart(Part, frozen=True, kw_only=True):
    """When something is sold: breakfast, lunch, weekend brunch. Local to the store."""

    id: Id
    name: Name
    windows: Annotated[tuple[Window, ...], Meta(max_length=30)]


class Category(Part, frozen=True, kw_only=True):
    """A heading of the menu with its products in order."""

    id: Id
    name: Name
    description: Description = ""
    image_url: ImageUrl | None = None
    daypart_ids: DaypartIds = ()
    product_ids: Annotated[tuple[Id, ...], Meta(max_length=5000)] = ()


class ModifierOption(Part, frozen=True, kw_only=True):
    """One choice of a modifier group: "extra cheese".

    An option id that recurs in several groups is the same thing to the kitchen, and is 86'd in all of them.
    """

    id: Id
    name: Name
    price_minor: Price = 0
    max_quantity: Quantity = 1
    modifier_group_ids: GroupIds = ()
    counted_sku: Sku | None = None
    minimum_age: Annotated[int, Meta(ge=0, le=99)] = 0


class ModifierGroup(Part, frozen=True, kw_only=True):
    """A question to the customer: "which sauce?". Between `min_choices` and `max_choices` answers."""

    id: Id
    name: Name
    min_choices: Choices = 0
    max_choices: Choices = 1
    options: Annotated[tuple[ModifierOption, ...], Meta(max_length=200)]


class ComboChoice(Part, frozen=True, kw_only=True):
    """A variant that may fill a combo component, and what it adds to the combo's price."""

    sku: Sku
    price_minor: Price = 0
    max_quantity: Quantity = 1


class ComboComponent(Part, frozen=True, kw_only=True):
    """One place in a combo: "your drink"."""

    id: Id
    name: Name
    min_choices: Choices = 1
    max_choices: Choices = 1
    choices: Annotated[tuple[ComboChoice, ...], Meta(max_length=200)]


Grams = Annotated[
    int, Meta(ge=1, le=100_000, description="Sold by weight: what the price is for; what is weighed is charged.")
]


class Variant(Part, frozen=True, kw_only=True):
    """What is really bought and counted: a product in one size or colour (SKU)."""

    sku: Sku
    name: Annotated[str, Meta(max_length=120, description='"Large", "32 cm"; empty when there is only one.')] = ""
    price_minor: Price
    max_quantity: Quantity = 99
    counted: bool = False
    modifier_group_ids: GroupIds = ()
    weight_grams: Grams | None = None


class Product(Part, frozen=True, kw_only=True):
    """What the customer sees on the menu (SPU); bought as one of its variants.

    A product with `components` is a combo: the variant's price covers the components, and each choice adds
    its own `price_minor`.
    """

    id: Id
    name: Name
    description: Description = ""
    image_urls: Annotated[tuple[ImageUrl, ...], Meta(max_length=10)] = ()
    tax_category: Annotated[str, Meta(min_length=1, max_length=40, examples=["food"])]
    allergens: Annotated[tuple[Allergen, ...], Meta(max_length=14)] = ()
    minimum_age: Annotated[int, Meta(ge=0, le=99, description="0: anybody may buy it.")] = 0
    daypart_ids: DaypartIds = ()
    modifier_group_ids: GroupIds = ()
    variants: Annotated[tuple[Variant, ...], Meta(max_length=100)]
    components: Annotated[tuple[ComboComponent, ...], Meta(max_length=20)] = ()


class MenuDocument(Part, frozen=True, kw_only=True):
    """The whole menu of one store."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217; the store's.", examples=["EUR"])]
    dayparts: Annotated[tuple[Daypart, ...], Meta(max_length=100)] = ()
    categories: Annotated[tuple[Category, ...], Meta(max_length=500)] = ()
    products: Annotated[tuple[Product, ...], Meta(max_length=5000)] = ()
    modifier_groups: Annotated[tuple[ModifierGroup, ...], Meta(max_length=2000)] = ()
