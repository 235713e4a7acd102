"""``linux/nsfs.h``: the ioctls on descriptors of namespaces, and the identity of the initial ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .names import Names

_NSIO: Final = 0xB7
_READ: Final = 2 << 30


def _ior(number: int, size: int) -> int:
    return _READ | size << 16 | _NSIO << 8 | number


MNT_NS_INFO_SIZE: Final = 16
"""``sizeof(struct mnt_ns_info)``, which is MNT_NS_INFO_SIZE_VER0 too."""
NS_GET_USERNS: Final = _NSIO << 8 | 1
NS_GET_PARENT: Final = _NSIO << 8 | 2
NS_GET_NSTYPE: Final = _NSIO << 8 | 3
NS_GET_OWNER_UID: Final = _NSIO << 8 | 4
NS_GET_MNTNS_ID: Final = _ior(5, 8)
NS_GET_PID_FROM_PIDNS: Final = _ior(6, 4)
NS_GET_TGID_FROM_PIDNS: Final = _ior(7, 4)
NS_GET_PID_IN_PIDNS: Final = _ior(8, 4)
NS_GET_TGID_IN_PIDNS: Final = _ior(9, 4)
NS_MNT_GET_INFO: Final = _ior(10, MNT_NS_INFO_SIZE)
NS_MNT_GET_NEXT: Final = _ior(11, MNT_NS_INFO_SIZE)
NS_MNT_GET_PREV: Final = _ior(12, MNT_NS_INFO_SIZE)
NS_GET_ID: Final = _ior(13, 8)

NSFS_IOCTLS: Final = Names(
    "nsfs_ioctl",
    {
        "NS_GET_USERNS": NS_GET_USERNS,
        "NS_GET_PARENT": NS_GET_PARENT,
        "NS_GET_NSTYPE": NS_GET_NSTYPE,
        "NS_GET_OWNER_UID": NS_GET_OWNER_UID,
        "NS_GET_MNTNS_ID": NS_GET_MNTNS_ID,
        "NS_GET_PID_FROM_PIDNS": NS_GET_PID_FROM_PIDNS,
        "NS_GET_TGID_FROM_PIDNS": NS_GET_TGID_FROM_PIDNS,
        "NS_GET_PID_IN_PIDNS": NS_GET_PID_IN_PIDNS,
        "NS_GET_TGID_IN_PIDNS": NS_GET_TGID_IN_PIDNS,
        "NS_MNT_GET_INFO": NS_MNT_GET_INFO,
        "NS_MNT_GET_NEXT": NS_MNT_GET_NEXT,
        "NS_MNT_GET_PREV": NS_MNT_GET_PREV,
        "NS_GET_ID": NS_GET_ID,
    },
    one=True,
)

INIT_INO: Final[Mapping[str, int]] = {
    "ipc": 0xEFFFFFFF,
    "uts": 0xEFFFFFFE,
    "user": 0xEFFFFFFD,
    "pid": 0xEFFFFFFC,
    "cgroup": 0xEFFFFFFB,
    "time": 0xEFFFFFFA,
    "net": 0xEFFFFFF9,
    "mnt": 0xEFFFFFF8,
}
"""Inode numbers of the initial namespaces (``enum init_ns_ino``)."""
INIT_ID: Final[Mapping[str, int]] = {
    "ipc": 1, "uts": 2, "user": 3, "pid": 4, "cgroup": 5, "time": 6, "net": 7, "mnt": 8,
}  # fmt: skip
"""Their 64-bit ids (``enum init_ns_id``)."""
