"""Every number of abi/ is the one in the uapi headers; those that no header has are named."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from pkgutil import iter_modules

import pytest

from usernel import abi
from usernel.abi.errno import Errno, strerror
from usernel.abi.names import Names
from usernel.abi.unistd import NUMBERS

from .headers import UNISTD, golden, host, host_calls
from .kernel import kernel
from .structs import STRUCTS, asked, host_structs

MODULES = [import_module(f"usernel.abi.{module.name}") for module in iter_modules(abi.__path__)]
ASKED = set(
    # made by _IO(), or newer than many an installed header: the host itself answers to them in tests/conformance
    "NS_GET_USERNS NS_GET_PARENT NS_GET_NSTYPE NS_GET_OWNER_UID NS_GET_MNTNS_ID NS_GET_ID NS_GET_PID_FROM_PIDNS "
    "NS_GET_TGID_FROM_PIDNS NS_GET_PID_IN_PIDNS NS_GET_TGID_IN_PIDNS NS_MNT_GET_INFO NS_MNT_GET_NEXT NS_MNT_GET_PREV "
    "MNT_NS_INFO_SIZE PIDFD_GET_INFO PIDFD_INFO_SIZE PIDFD_INFO_PID PIDFD_INFO_CREDS PIDFD_INFO_CGROUPID "
    "PIDFD_INFO_EXIT PIDFD_INFO_COREDUMP PIDFD_THREAD PIDFD_SIGNAL_THREAD PIDFD_SIGNAL_THREAD_GROUP "
    "PIDFD_SIGNAL_PROCESS_GROUP PIDFD_SELF_THREAD PIDFD_SELF_THREAD_GROUP "
    "PIDFD_GET_CGROUP_NAMESPACE PIDFD_GET_IPC_NAMESPACE PIDFD_GET_MNT_NAMESPACE PIDFD_GET_NET_NAMESPACE "
    "PIDFD_GET_PID_NAMESPACE PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE PIDFD_GET_TIME_NAMESPACE "
    "PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE PIDFD_GET_USER_NAMESPACE PIDFD_GET_UTS_NAMESPACE "
    "SECCOMP_IOCTL_NOTIF_RECV SECCOMP_IOCTL_NOTIF_SEND SECCOMP_IOCTL_NOTIF_ADDFD SECCOMP_IOCTL_NOTIF_SET_FLAGS "
    "SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP FS_IOC_GETFLAGS "
    # of Linux 6.2 to 6.18; what the kernel says of their sum is in golden.json
    "FALLOC_FL_ALLOCATE_RANGE FALLOC_FL_WRITE_ZEROES IORING_ACCEPT_DONTWAIT IORING_ACCEPT_POLL_FIRST IORING_CQE_F_32 "
    "IORING_CQE_F_BUF_MORE IORING_CQE_F_SKIP IORING_CQE_F_TSTAMP_HW IORING_ENTER_ABS_TIMER IORING_ENTER_EXT_ARG_REG "
    "IORING_ENTER_NO_IOWAIT IORING_FEAT_MIN_TIMEOUT IORING_FEAT_NO_IOWAIT IORING_FEAT_RECVSEND_BUNDLE "
    "IORING_FEAT_REG_REG_RING IORING_FEAT_RW_ATTR IORING_FIXED_FD_NO_CLOEXEC IORING_MEM_REGION_REG_WAIT_ARG "
    "IORING_MEM_REGION_TYPE_USER IORING_MSG_RING_FLAGS_PASS IORING_NOP_CQE32 IORING_NOP_FILE IORING_NOP_FIXED_BUFFER "
    "IORING_NOP_FIXED_FILE IORING_NOP_INJECT_RESULT IORING_NOP_TW IORING_OFF_PBUF_RING IORING_OFF_PBUF_SHIFT "
    "IORING_OP_BIND IORING_OP_EPOLL_WAIT IORING_OP_FIXED_FD_INSTALL IORING_OP_FTRUNCATE IORING_OP_FUTEX_WAIT "
    "IORING_OP_FUTEX_WAITV IORING_OP_FUTEX_WAKE IORING_OP_LISTEN IORING_OP_PIPE IORING_OP_READV_FIXED "
    "IORING_OP_READ_MULTISHOT IORING_OP_RECV_ZC IORING_OP_WAITID IORING_OP_WRITEV_FIXED IORING_RECVSEND_BUNDLE "
    "IORING_REGISTER_CLOCK IORING_REGISTER_CLONE_BUFFERS IORING_REGISTER_DST_REPLACE IORING_REGISTER_MEM_REGION "
    "IORING_REGISTER_NAPI IORING_REGISTER_PBUF_STATUS IORING_REGISTER_QUERY IORING_REGISTER_RESIZE_RINGS "
    "IORING_REGISTER_SEND_MSG_RING IORING_REGISTER_SRC_REGISTERED IORING_REGISTER_USE_REGISTERED_RING "
    "IORING_REGISTER_ZCRX_IFQ IORING_REG_WAIT_TS IORING_RW_ATTR_FLAG_PI IORING_SEND_VECTORIZED IORING_SETUP_CQE_MIXED "
    "IORING_SETUP_HYBRID_IOPOLL IORING_SETUP_NO_MMAP IORING_SETUP_NO_SQARRAY IORING_SETUP_REGISTERED_FD_ONLY "
    "IORING_TIMEOUT_MULTISHOT IORING_TIMESTAMP_HW_SHIFT IORING_TIMESTAMP_TYPE_SHIFT IORING_UNREGISTER_NAPI "
    "IORING_URING_CMD_MASK IORING_URING_CMD_MULTISHOT IORING_ZCRX_AREA_DMABUF IORING_ZCRX_AREA_MASK "
    "IORING_ZCRX_AREA_SHIFT IOU_PBUF_RING_INC IOU_PBUF_RING_MMAP IO_URING_NAPI_REGISTER_OP "
    "IO_URING_NAPI_STATIC_ADD_ID IO_URING_NAPI_STATIC_DEL_ID IO_URING_NAPI_TRACKING_DYNAMIC "
    "IO_URING_NAPI_TRACKING_INACTIVE IO_URING_NAPI_TRACKING_STATIC IO_URING_QUERY_OPCODES MADV_GUARD_INSTALL "
    "MADV_GUARD_REMOVE RWF_ATOMIC RWF_DONTCACHE RWF_NOAPPEND RWF_NOSIGNAL RWF_SUPPORTED SOCKET_URING_OP_GETSOCKOPT "
    "SOCKET_URING_OP_SETSOCKOPT SOCKET_URING_OP_SIOCINQ SOCKET_URING_OP_SIOCOUTQ SOCKET_URING_OP_TX_TIMESTAMP "
    "STATX_ATTR_WRITE_ATOMIC STATX_DIO_READ_ALIGN STATX_MNT_ID_UNIQUE STATX_SUBVOL STATX_WRITE_ATOMIC".split()
)
INTERNAL = set(
    # include/linux/ipc_namespace.h, ipc/util.h, ipc/mqueue.c and friends: numbers that Linux has and no header exports
    "CAP_FULL_SET CLONE_LEGACY_FLAGS CLONE_NEW_ALL CREATION_FLAGS DEFAULT_PRIO DFLT_MSG DFLT_MSGMAX DFLT_MSGSIZE "
    "DFLT_MSGSIZEMAX DFLT_QUEUESMAX DIRENT_SIZE FILENT_SIZE HARD_MSGMAX HARD_MSGSIZEMAX "
    "IPCID_SEQ_MAX IPCMNI IPCMNI_IDX_MASK IPCMNI_SEQ_SHIFT IPC_MIN_CYCLE MAX_NICE MAY_EXEC MAY_READ MAY_WRITE "
    "MIN_MSGMAX MIN_MSGSIZEMAX MIN_NICE MQUEUE_MAGIC MSGSEG NSIG O_ASYNC SETFL_MASK SIG_CATCH SIG_DFL SIG_IGN "
    "SIZEOF_MSG_MSG SIZEOF_POSIX_MSG_TREE_NODE S_IALLUGO S_IRUGO S_IRWXUGO S_IWUGO WALL WCLONE WNOTHREAD "
    # io_uring/*.c, include/linux/splice.h, include/linux/fs.h and include/linux/fcntl.h
    "APOLL_MAX_RETRY BUF_RING_TAIL IORING_MAX_FIXED_FILES IORING_SQPOLL_CAP_ENTRIES_VALUE IORING_TW_CAP_ENTRIES_VALUE "
    "MAX_BIDS_PER_BGID MAX_RW_COUNT MULTISHOT_MAX_RETRY OPEN_HOW_SIZE_VER0 O_PATH_FLAGS PEEK_MAX_IMPORT SPLICE_F_GIFT "
    "SPLICE_F_MORE SPLICE_F_MOVE SPLICE_F_NONBLOCK SQE128_SIZE SQE_COMMON_FLAGS "
    # of classic BPF, as or-ed together; of the kernel's own; and usernel's own words
    "BPF_JEQ_K BPF_LD_W_ABS BPF_RET_K SECCOMP_DATA_NR SECCOMP_DATA_ARCH ERESTARTSYS ERESTARTNOHAND "
    "durable ephemeral".split()
) | {f"SIGRT{number}" for number in range(32, 65)} | ASKED | golden()["kernel"].keys()  # fmt: skip


def spelled() -> dict[str, int]:
    """Every name and its number; capabilities by their numbers, not by their bits."""
    numbers: dict[str, int] = {}
    for module in MODULES:
        for name, value in vars(module).items():
            if isinstance(value, Names) and value.title != "capabilities":
                numbers |= value.values
            elif (
                name.isupper()
                and not name.startswith("_")
                and type(value) is int
                and not (name.startswith("CAP_") and name not in INTERNAL | {"CAP_LAST_CAP"})
            ):
                numbers[name] = value
    return numbers | {errno.name: int(errno) for errno in Errno}


def test_every_number_is_that_of_the_headers() -> None:
    recorded = golden()["numbers"]
    ours = {name: number for name, number in spelled().items() if name not in INTERNAL}
    assert {name: number & (1 << 64) - 1 for name, number in ours.items()} == {
        name: number & (1 << 64) - 1 for name, number in recorded.items() if name not in INTERNAL
    }


def test_the_recorded_numbers_are_the_hosts() -> None:
    installed = host()
    recorded = golden()["numbers"]
    assert {name: number for name, number in recorded.items() if installed.get(name, number) != number} == {}


def test_every_number_is_what_the_kernel_answers() -> None:
    ours, recorded = spelled(), golden()["kernel"]
    assert {name: ours[name] for name in recorded} == recorded


def test_the_recorded_answers_are_the_kernels() -> None:
    assert kernel() in ({}, golden()["kernel"])


def test_every_struct_is_that_of_the_headers() -> None:
    assert {name: asked(*struct) for name, struct in STRUCTS.items()} == golden()["structs"]


def test_the_recorded_structs_are_the_compilers() -> None:
    assert host_structs() in ({}, golden()["structs"])


@pytest.mark.parametrize("machine", UNISTD)
def test_every_call_has_the_number_of_the_headers(machine: str) -> None:
    column = list(UNISTD).index(machine)
    assert {name: pair[column] for name, pair in NUMBERS.items() if pair[column] is not None} == golden()[machine]


@pytest.mark.parametrize("machine", UNISTD)
def test_the_recorded_calls_are_the_hosts(machine: str) -> None:
    assert host_calls(machine) in ({}, golden()[machine])


def test_errnos_are_those_of_this_python() -> None:
    here = {name: getattr(errno, name) for name in dir(errno) if name.startswith("E")}
    ours = {item.name: int(item) for item in Errno}
    assert {name: number for name, number in here.items() if ours.get(name, number) != number} == {}
    assert {int(item) for item in Errno} >= set(errno.errorcode)


def test_strerror_is_libcs() -> None:
    assert [strerror(number) for number in range(1, 140)] == [os.strerror(number) for number in range(1, 140)]
