"""The user's side of a ring: ``usernel.Ring``, and Linux's three system calls in the caller's own process.

The core is ``usernel.kernel.io_uring``; here is its environment (``port``): the host's descriptors (``file``), Python's
buffers (``memory``), jobs (``host``, at once where that need not sleep: ``inline``), io-wq (``workers``) and epoll
(``poller``). ``uring`` has the system calls, over real addresses; ``ring`` has what liburing has, over Python's values.
"""
