"""Random histories of orders: what may happen to money, in any order, with crashes and faults, and what must hold then.

`script` is the language (orders and steps), `wires` stands between the app and the world (DynamoDB, Stripe, the bus),
`stage` is a store with its people, `play` performs a script, `truths` are what must hold in the end, and `regressions`
keeps the histories that once did not.
"""
