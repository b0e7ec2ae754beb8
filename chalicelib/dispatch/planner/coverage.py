"""What a rider is worth where and when the rider is free: how much later coming orders would be fetched without."""

from __future__ import annotations


def worths(world, outlook):
    policy = world.policy
    out = [0.0] * len(world.riders)
    if not outlook or not policy.cover:
        return out
    now = world.now
    flats = world.travel.flat
    near = [r for r in range(len(world.riders)) if world.free[r] <= now + policy.cover_soon and world.off[r] > now]
    if len(near) < 2:
        return out
    q = policy.cover_busy
    total = sum(each.rate for each in outlook)
    g = policy.cover_grace
    far = 3600.0
    for each in outlook:
        arr = []
        for r in near:
            a = world.free[r] - now + world.travel.seconds(world.riders[r].place, each.place, world.riders[r].vehicle)
            arr.append((a, r))
        arr.sort()
        arr = arr[:8]
        if policy.cover_shape == 1:
            d = [a * a / (a + g) for a, _ in arr]
        elif policy.cover_shape == 2:
            d = [max(0.0, a - g) for a, _ in arr]
        else:
            d = [a for a, _ in arr]
        d.append(max(d[-1], far) if len(near) <= 8 else d[-1] )
        # removing rank j shifts the later ones up
        rest = 0.0
        share = each.rate / total
        for j in range(len(arr) - 1, -1, -1):
            rest += (1 - q) * q ** j * (d[j + 1] - d[j])
            out[arr[j][1]] += share * rest
    h = policy.cover_horizon
    for r in near:
        out[r] *= policy.cover * len(near) * min(1.0, max(0.0, world.off[r] - now) / h)
    return out
