"""The dispatching centre: riders, shifts, offers and the way of an order from the store to the door."""
