"""Porting aids: modules with the interface of packages that talk to the local kernel, over a usernel service.

``from usernel_client.compat import sysv_ipc`` (or ``posix_ipc``) in place of ``import sysv_ipc``; the service is the
one that USERNEL_URL and USERNEL_TOKEN name. Each module's docstring lists what differs and what is missing.
"""
