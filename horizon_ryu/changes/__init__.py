"""Engine of changes: whatever is changed on a network, wholly or not at all.

It knows plans made of steps that somebody confirms, a journal and claims; it knows nothing of
OpenFlow. ``states`` is the table of states, ``engine`` carries changes through it, ``plan`` and
``ports`` say what a user of the engine provides.
"""
