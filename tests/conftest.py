"""What all tests stand on: a process that Ctrl-C ends, as on a terminal."""

from __future__ import annotations

import signal

# A shell without job control ignores SIGINT in what it runs in the background, and every child of ours would inherit
# that; the tests of Ctrl-C would wait in vain for an end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
