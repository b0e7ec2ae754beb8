"""The rules of ordering: prices, quotes, the order's state machine and the board. No I/O, no clock."""
