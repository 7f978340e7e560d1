"""Statistics on the wire: the questions of both versions, and readers of the answers.

Readers take whole pieces (messages) and never raise, whatever bytes these hold: the wire guard
has refused what is malformed before, and a reader that relied on it would be one change away
from a traceback. What cannot be read is left out.
"""
