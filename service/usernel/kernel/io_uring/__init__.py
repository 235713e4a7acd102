"""io_uring: rings whose semantics are Linux's, wherever the ring is (``io_uring/``).

One core for every environment. What differs (where buffers lie, what a descriptor is, who performs I/O, who waits) is
behind one ``port.Port``; opcodes, links and rules are written once, in modules named as Linux's files are::

    setup  rings          how a ring is made, and how its queues lie in memory
    submit issue links    from a submission to a request: at once, else when its file is ready, else by io-wq
    complete overflow     completions, and those that had no room
    enter  sqpoll         who submits and who waits; waiting is data, nothing sleeps here
    opdef  opcodes        one table of opcodes: PROBE, the features and the support table come from it
    poll timeout link_timeout cancel msg_ring nop epoll
    rw sync truncate advise openclose statx fs xattr splice      each opcode asks its port for a ``Job``
    rsrc filetable kbuf eventfd restrictions personality probe register

Inside, submissions and completions are Python values; only ``SharedRings`` packs them.
"""
