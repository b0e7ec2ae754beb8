"""What events and items looked like in each release, kept as files that are only ever added to.

`python -m tests.kernel.golden` adds what is new: an event or item kind without a file, a shape that its file does not
end with. It changes nothing that is there; what is there is what running systems hold, and tests read all of it.
"""
