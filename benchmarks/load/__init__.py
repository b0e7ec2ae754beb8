"""`make load USERS=…`: a crowd on the local stack. `__main__` sets the stage and reports, `crowd` is who comes."""
