"""Load tests: how fast events are accepted and carried through, beside the least that such a path can cost."""
