"""Dispatch at rest. Everything that changes is one item of less than 1 KB, so that a change costs one write unit.

=====================  ==========  =========================================================================
pk                     sk          what, and how it is found
=====================  ==========  =========================================================================
``dlv_…``              STATE       a delivery; by the order's id, which is the delivery's under another prefix
``dlv_…``              BRIEF       its brief, apart only where it is too long to ride along in STATE
``RDR#<token sub>``    STATE       a rider
``RDR#<token sub>``    POSITION    where the rider is; on shift also in index ``zone`` under ZONE#<H3 cell>
``RDR#<token sub>``    ``shf_…``   a duty: the rider's place in a shift, and what was worked; by the shift's beginning
``RDR#<token sub>``    EARN#…      what a delivery, or a shift's guarantee, paid the rider: EARN#<shift>#<delivery>
``PAY#<area>``         RULES#…     a version of an area's pay rules
``shf_…``              STATE       a planned shift; in index ``zone`` under SHIFTS#<H3 cell>
``PREP#sto_…``         STATE       how long a store took of late
``ZONE#<H3 cell>``     STATE       a zone's rhythm: who ticks, when the next tick is due, whether it is split
=====================  ==========  =========================================================================

A delivery that waits for a rider is in index ``zone`` as well, under WAIT#<H3 cell>, by the finer cells and its id.
"""

from chalicelib.dispatch.tables.common import STATE
from chalicelib.dispatch.tables.deliveries import (
    BRIEF,
    BriefRow,
    DeliveryRow,
    brief_of,
    brief_row,
    changes,
    delivery_of,
    delivery_row,
    step_line,
    waiting_pk,
    waiting_prefix,
)
from chalicelib.dispatch.tables.preparation import PreparationRow, preparation_ref, write_preparation
from chalicelib.dispatch.tables.riders import (
    POSITION,
    PositionRow,
    RiderRow,
    position_of,
    position_row,
    rider_changes,
    rider_of,
    rider_pk,
    rider_row,
    zone_pk,
)
from chalicelib.dispatch.tables.shifts import (
    DutyRow,
    ShiftCancelled,
    ShiftRow,
    duties_pk,
    duty_of,
    duty_ref,
    require_planned,
    shift_of,
    shift_ref,
    shifts_pk,
    write_duty,
    write_shift,
)
from chalicelib.dispatch.tables.zones import ZoneRow, ZoneTaken, write_zone, zone_ref

__all__ = [
    "BRIEF",
    "POSITION",
    "STATE",
    "BriefRow",
    "DeliveryRow",
    "DutyRow",
    "PositionRow",
    "PreparationRow",
    "RiderRow",
    "ShiftCancelled",
    "ShiftRow",
    "ZoneRow",
    "ZoneTaken",
    "brief_of",
    "brief_row",
    "changes",
    "delivery_of",
    "delivery_row",
    "duties_pk",
    "duty_of",
    "duty_ref",
    "position_of",
    "position_row",
    "preparation_ref",
    "require_planned",
    "rider_changes",
    "rider_of",
    "rider_pk",
    "rider_row",
    "shift_of",
    "shift_ref",
    "shifts_pk",
    "step_line",
    "waiting_pk",
    "waiting_prefix",
    "write_duty",
    "write_preparation",
    "write_shift",
    "write_zone",
    "zone_pk",
    "zone_ref",
]
