"""``linux/io_uring.h``: structs of a ring and of what its calls take. Each says its fields in their order."""

from __future__ import annotations

from struct import Struct
from typing import Final

IO_URING_SQE: Final = Struct("=BBHiQQIIQHHiQQ")
"""opcode flags ioprio fd off addr len rw_flags user_data buf_index personality splice_fd_in addr3 __pad2."""
SQE128_SIZE: Final = 128
IO_URING_CQE: Final = Struct("=QiI")
"""user_data res flags; 16 bytes of ``big_cqe`` follow in a CQE of 32 bytes."""
BIG_CQE: Final = Struct("=QQ")
IO_SQRING_OFFSETS: Final = Struct("=8IQ")
"""head tail ring_mask ring_entries flags dropped array resv1 user_addr."""
IO_CQRING_OFFSETS: Final = Struct("=8IQ")
"""head tail ring_mask ring_entries overflow cqes flags resv1 user_addr."""
IO_URING_PARAMS: Final = Struct("=10I8IQ8IQ")
"""sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features wq_fd resv[3], then the two offsets."""

IO_URING_FILES_UPDATE: Final = Struct("=IIQ")
"""offset resv fds."""
IO_URING_RSRC_REGISTER: Final = Struct("=IIQQQ")
"""nr flags resv2 data tags."""
IO_URING_RSRC_UPDATE: Final = Struct("=IIQ")
"""offset resv data; of a registered ring too."""
IO_URING_RSRC_UPDATE2: Final = Struct("=IIQQII")
"""offset resv data tags nr resv2."""
IO_URING_PROBE: Final = Struct("=BBH3I")
"""last_op ops_len resv resv2[3], then each op."""
IO_URING_PROBE_OP: Final = Struct("=BBHI")
"""op resv flags resv2."""
IO_URING_RESTRICTION: Final = Struct("=HBB3I")
"""opcode, register_op or sqe_op or sqe_flags, resv resv2[3]."""
IO_URING_CLOCK_REGISTER: Final = Struct("=I3I")
"""clockid __resv[3]."""
IO_URING_CLONE_BUFFERS: Final = Struct("=5I3I")
"""src_fd flags src_off dst_off nr pad[3]."""
IO_URING_FILE_INDEX_RANGE: Final = Struct("=IIQ")
"""off len resv."""
IO_URING_SYNC_CANCEL_REG: Final = Struct("=QiIqqB7s3Q")
"""addr fd flags timeout.tv_sec timeout.tv_nsec opcode pad[7] as bytes, pad2[3]."""
IO_URING_REGION_DESC: Final = Struct("=QQIIQ4Q")
"""user_addr size flags id mmap_offset __resv[4]."""
IO_URING_MEM_REGION_REG: Final = Struct("=QQ2Q")
"""region_uptr flags __resv[2]."""
IO_URING_NAPI: Final = Struct("=IBB2sII")
"""busy_poll_to prefer_busy_poll opcode pad[2] as bytes, op_param resv."""

IO_URING_BUF: Final = Struct("=QIHH")
"""addr len bid resv."""
BUF_RING_TAIL: Final = 14
"""Where ``struct io_uring_buf_ring`` has its 16-bit tail: in the resv of the first buffer."""
IO_URING_BUF_REG: Final = Struct("=QIHHI5I")
"""ring_addr ring_entries bgid flags min_left resv[5]."""
IO_URING_BUF_STATUS: Final = Struct("=II8I")
"""buf_group head resv[8]."""

IO_URING_GETEVENTS_ARG: Final = Struct("=QIIQ")
"""sigmask sigmask_sz min_wait_usec ts."""
IO_URING_REG_WAIT: Final = Struct("=qqIIQI3I2Q")
"""ts.tv_sec ts.tv_nsec min_wait_usec flags sigmask sigmask_sz pad[3] pad2[2]."""
IO_URING_QUERY_HDR: Final = Struct("=QQIIi3I")
"""``linux/io_uring/query.h``: next_entry query_data query_op size result __resv[3]."""
IO_URING_QUERY_OPCODE: Final = Struct("=IIQQQQII")
"""nr_request_opcodes nr_register_opcodes feature_flags ring_setup_flags enter_flags sqe_flags nr_query_opcodes pad."""
