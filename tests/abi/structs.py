"""How the host's C compiler lays out the structs of the uapi headers."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from struct import Struct, calcsize

from usernel.abi import inotify, io_uring_struct, openat2, stat, time_types, uio

HEADERS = "linux/inotify.h linux/io_uring.h linux/openat2.h linux/stat.h linux/time_types.h linux/uio.h".split()
SQ_OFF = "head tail ring_mask ring_entries flags dropped array resv1 -"
CQ_OFF = "head tail ring_mask ring_entries overflow cqes flags resv1 -"
PARAMS = "sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features wq_fd resv[0] resv[1] resv[2] "
TIMES = "stx_atime stx_btime stx_ctime stx_mtime".split()


def within(struct: str, fields: str) -> str:
    """The fields of a struct that is a field itself."""
    return "".join(f"{struct}.{field} " if field != "-" else "- " for field in fields.split())


STRUCTS: dict[str, tuple[Struct, str]] = {
    "io_uring_sqe": (
        io_uring_struct.IO_URING_SQE,
        "opcode flags ioprio fd off addr len rw_flags user_data buf_index personality splice_fd_in addr3 __pad2[0]",
    ),
    "io_uring_cqe": (io_uring_struct.IO_URING_CQE, "user_data res flags"),
    "io_sqring_offsets": (io_uring_struct.IO_SQRING_OFFSETS, SQ_OFF),
    "io_cqring_offsets": (io_uring_struct.IO_CQRING_OFFSETS, CQ_OFF),
    "io_uring_params": (
        io_uring_struct.IO_URING_PARAMS,
        PARAMS + within("sq_off", SQ_OFF) + within("cq_off", CQ_OFF),
    ),
    "io_uring_files_update": (io_uring_struct.IO_URING_FILES_UPDATE, "offset resv fds"),
    "io_uring_rsrc_register": (io_uring_struct.IO_URING_RSRC_REGISTER, "nr flags resv2 data tags"),
    "io_uring_rsrc_update": (io_uring_struct.IO_URING_RSRC_UPDATE, "offset resv data"),
    "io_uring_rsrc_update2": (io_uring_struct.IO_URING_RSRC_UPDATE2, "offset resv data tags nr resv2"),
    "io_uring_probe": (io_uring_struct.IO_URING_PROBE, "last_op ops_len resv resv2[0] resv2[1] resv2[2]"),
    "io_uring_probe_op": (io_uring_struct.IO_URING_PROBE_OP, "op resv flags resv2"),
    "io_uring_restriction": (
        io_uring_struct.IO_URING_RESTRICTION,
        "opcode register_op resv resv2[0] resv2[1] resv2[2]",
    ),
    "io_uring_file_index_range": (io_uring_struct.IO_URING_FILE_INDEX_RANGE, "off len resv"),
    "io_uring_sync_cancel_reg": (
        io_uring_struct.IO_URING_SYNC_CANCEL_REG,
        "addr fd flags timeout.tv_sec timeout.tv_nsec - - - - -",
    ),
    "io_uring_buf": (io_uring_struct.IO_URING_BUF, "addr len bid resv"),
    "io_uring_buf_reg": (io_uring_struct.IO_URING_BUF_REG, "ring_addr ring_entries bgid" + " -" * 7),
    "io_uring_getevents_arg": (io_uring_struct.IO_URING_GETEVENTS_ARG, "sigmask sigmask_sz - ts"),
    "inotify_event": (inotify.INOTIFY_EVENT, "wd mask cookie len"),
    "open_how": (openat2.OPEN_HOW, "flags mode resolve"),
    "__kernel_timespec": (time_types.KERNEL_TIMESPEC, "tv_sec tv_nsec"),
    "iovec": (uio.IOVEC, "iov_base iov_len"),
    "statx": (
        stat.STATX,
        "stx_mask stx_blksize stx_attributes stx_nlink stx_uid stx_gid stx_mode __spare0[0] stx_ino stx_size "
        "stx_blocks stx_attributes_mask "
        + " ".join(f"{time}.tv_sec {time}.tv_nsec {time}.__reserved" for time in TIMES)
        + " stx_rdev_major stx_rdev_minor stx_dev_major stx_dev_minor stx_mnt_id stx_dio_mem_align stx_dio_offset_align"
        + " -" * 15,
    ),
}
"""Each struct, and what the headers call its fields; a dash where that is not the same in all of them."""


def offsets(layout: Struct) -> list[int]:
    """Where the fields of a struct begin, and then its size."""
    found, before = [], "="
    for count, code in re.findall(r"(\d*)([a-zA-Z])", layout.format):
        for item in [f"{count}{code}"] if code in "sx" else [code] * int(count or 1):
            if code != "x":
                found.append(calcsize(before))
            before += item
    return [*found, layout.size]


def asked(layout: Struct, fields: str) -> list[int]:
    """Those of the offsets that the headers have a name for, and the size."""
    *begins, size = offsets(layout)
    return [*(begin for begin, field in zip(begins, fields.split(), strict=True) if field != "-"), size]


def host_structs() -> dict[str, list[int]]:
    """The offsets and the size of every struct as C has them; none without a compiler and its headers."""
    compiler = shutil.which("cc")
    if compiler is None or not all(Path("/usr/include", header).exists() for header in HEADERS):
        return {}
    lines = [
        "#include <stddef.h>",
        "#include <stdio.h>",
        *(f"#include <{header}>" for header in HEADERS),
        "int main() {",
    ]
    for name, (_, fields) in STRUCTS.items():
        numbers = [f"offsetof(struct {name}, {field})" for field in fields.split() if field != "-"]
        shown = "".join(f' printf(" %zu", {number});' for number in [*numbers, f"sizeof(struct {name})"])
        lines.append(f'printf("{name}");{shown} puts("");')
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory, "structs")
        source = "\n".join([*lines, "}"])
        subprocess.run([compiler, "-xc", "-", "-o", program], input=source, text=True, check=True)
        shown = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return {name: [int(number) for number in numbers] for name, *numbers in map(str.split, shown.splitlines())}
