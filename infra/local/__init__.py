"""The deployed resources on one machine: emulators, the functions' hosts and their supervisor."""
