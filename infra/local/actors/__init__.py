"""Who uses Doorstep, over HTTP and nothing else: customers, the staff's tablet, riders, merchants, the back office.

The demo, the replay, the benchmarks and the tests of whole journeys are played by these.
"""

from __future__ import annotations

from infra.local.actors.card_form import CardDeclined, CardForm
from infra.local.actors.cast import Cast
from infra.local.actors.client import Answer, Client, Refused
from infra.local.actors.customer import Customer
from infra.local.actors.office import BackOffice, Merchant
from infra.local.actors.rider import Rider
from infra.local.actors.tablet import Tablet
from infra.local.actors.watch import Watch

__all__ = [
    "Answer",
    "BackOffice",
    "CardDeclined",
    "CardForm",
    "Cast",
    "Client",
    "Customer",
    "Merchant",
    "Refused",
    "Rider",
    "Tablet",
    "Watch",
]
