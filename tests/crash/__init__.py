"""What was acknowledged is never lost: a service under load, killed again and again, and what its clients were told.

``python -m tests.crash --rounds 1000`` is the long run. A *life* is one data directory: its service is started and
killed some rounds long, then everything is received and the history judged. Where that fails, directory and history are
kept.
"""
