"""Tools that build, show and check Horizon; not installed with it."""

import signal
import sys

if sys.argv[0] == "-m" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    # One of ours is being started (Python, command line, -m): an interrupt while it is loaded ends
    # it as it ends any. It would be a traceback else.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
