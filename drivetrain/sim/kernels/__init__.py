"""All worlds, fast.

What a step means is said plainly in `reference.py`; this package says the same with loops
that skip what cannot matter. Its functions become one piece of machine code: they take whole
structs of arrays, the number `w` of a world and the slot `j` of a body, write in place, and
allocate nothing. A call touches no other world's rows, so that disjoint ranges may run in
several threads.
"""
