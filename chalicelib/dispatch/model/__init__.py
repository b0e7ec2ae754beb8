"""The rules of dispatch, free of I/O: the delivery's machine, the search for a rider, riders and their feed."""
