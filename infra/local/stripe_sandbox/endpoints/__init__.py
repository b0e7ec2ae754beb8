"""What each URL does: parameters in, a transition, the answer out."""
