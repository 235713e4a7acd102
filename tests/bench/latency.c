/* How long queue calls take: for each, the median and the 99th percentile of N calls, in nanoseconds; -1 where refused. */
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/msg.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct message {
    long type;
    char bytes[256];
};

static long now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * 1000000000L + at.tv_nsec;
}

static int ascending(const void *one, const void *other) {
    long left = *(const long *)one, right = *(const long *)other;
    return left < right ? -1 : left > right;
}

static void show(const char *call, long *took, int count, int refused) {
    qsort(took, count, sizeof(long), ascending);
    printf("%s %ld %ld\n", call, refused ? -1 : took[count / 2], refused ? -1 : took[count * 99 / 100]);
}

int main(int argc, char **argv) {
    int count = argc > 1 ? atoi(argv[1]) : 10000, refused = 0;
    long *in = malloc(count * sizeof(long)), *out = malloc(count * sizeof(long));
    struct message message = {.type = 1};
    for (int i = 0; i < count; i++) {
        long start = now();
        syscall(SYS_getppid);
        in[i] = now() - start;
    }
    show("getppid", in, count, 0);
    int queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    for (int i = 0; i < count; i++) {
        long start = now();
        refused |= msgsnd(queue, &message, sizeof message.bytes, 0) < 0;
        long middle = now();
        refused |= msgrcv(queue, &message, sizeof message.bytes, 0, 0) < 0;
        in[i] = middle - start;
        out[i] = now() - middle;
    }
    msgctl(queue, IPC_RMID, NULL);
    show("msgsnd", in, count, refused);
    show("msgrcv", out, count, refused);
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = sizeof message.bytes};
    mqd_t posix = mq_open("/usernel-latency", O_CREAT | O_RDWR, 0600, &attr);
    refused = posix < 0;
    for (int i = 0; i < count; i++) {
        long start = now();
        refused |= mq_send(posix, message.bytes, sizeof message.bytes, 0) < 0;
        long middle = now();
        refused |= mq_receive(posix, message.bytes, sizeof message.bytes, NULL) < 0;
        in[i] = middle - start;
        out[i] = now() - middle;
    }
    mq_unlink("/usernel-latency");
    show("mq_send", in, count, refused);
    show("mq_receive", out, count, refused);
    return 0;
}
