"""Message queues: two mechanisms, as in Linux, over what they truly share.

``ids.py`` holds keys, ids and permissions of System V objects; ``hold.py`` the two steps of receiving, which both
families use. ``msg_queue.py`` and ``mqueue_inode.py`` are state and the facts folded into it; ``msg.py``,
``msgctl.py``, ``mqueue.py`` and ``mq_notify.py`` are the calls.
"""
