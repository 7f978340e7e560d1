"""Backstop: how long a test waits for a child process that ought to have ended by itself.

Not what the child may take: a machine with more work than processors makes seconds of a second's
work, and that is no fault of ours. It only turns what hangs into a failure that says where.
"""

from __future__ import annotations

BACKSTOP = 240.0
"""Seconds: below the limit of a whole test, which would not tell what the child wrote."""
