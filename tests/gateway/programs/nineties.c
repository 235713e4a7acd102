/*
 * A client and a server in the style of the nineties: requests go by one System V queue, each answer has its client's
 * pid for a type; what the server did stands in a POSIX queue, the important first.
 *
 *   nineties ask KEY FIRST LAST CLIENT    send requests, and do not wait
 *   nineties serve KEY COUNT              answer so many
 *   nineties collect KEY COUNT CLIENT     receive so many answers, and print them
 *   nineties audit NAME                   print what was done
 */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#define REQUESTS 1L
#define AUDIT "/nineties"
#define EVERY 25

struct request { long mtype; long client; int number; char text[64]; };
struct answer { long mtype; int number; char text[80]; };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int queue_of(const char *key)
{
    int id = msgget((key_t)strtol(key, NULL, 0), IPC_CREAT | 0660);
    if (id < 0) die("msgget");
    return id;
}

static mqd_t audit_of(int flags)
{
    struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 128 };
    mqd_t queue = mq_open(AUDIT, flags | O_CREAT, 0660, &attr);
    if (queue == (mqd_t)-1) die("mq_open");
    return queue;
}

static void ask(int id, int first, int last, long client)
{
    struct request request = { .mtype = REQUESTS, .client = client };
    for (request.number = first; request.number < last; request.number++) {
        snprintf(request.text, sizeof request.text, "request %d of %ld", request.number, client);
        if (msgsnd(id, &request, sizeof request - sizeof(long), 0) < 0) die("msgsnd");
        printf("asked %d\n", request.number);
        fflush(stdout);
    }
}

static void serve(int id, int count)
{
    mqd_t audit = audit_of(O_WRONLY);
    struct request request;
    struct answer answer;
    char line[128];
    while (count-- > 0) {
        if (msgrcv(id, &request, sizeof request - sizeof(long), REQUESTS, 0) < 0) die("msgrcv");
        answer.mtype = request.client;
        answer.number = request.number;
        snprintf(answer.text, sizeof answer.text, "answer to %s", request.text);
        if (msgsnd(id, &answer, sizeof answer - sizeof(long), 0) < 0) die("msgsnd");
        snprintf(line, sizeof line, "served %d", request.number);
        if (request.number % EVERY == 0 && mq_send(audit, line, strlen(line), request.number / EVERY % 2) < 0)
            die("mq_send");
        printf("%s\n", line);
        fflush(stdout);
    }
    mq_close(audit);
}

static void collect(int id, int count, long client)
{
    struct answer answer;
    while (count-- > 0) {
        if (msgrcv(id, &answer, sizeof answer - sizeof(long), client, 0) < 0) die("msgrcv");
        printf("%d %s\n", answer.number, answer.text);
        fflush(stdout);
    }
}

static void show_audit(void)
{
    mqd_t audit = audit_of(O_RDONLY | O_NONBLOCK);
    char line[128];
    unsigned priority;
    ssize_t size;
    while ((size = mq_receive(audit, line, sizeof line, &priority)) >= 0)
        printf("%u %.*s\n", priority, (int)size, line);
    if (errno != EAGAIN) die("mq_receive");
    mq_close(audit);
}

int main(int argc, char **argv)
{
    if (argc == 6 && !strcmp(argv[1], "ask"))
        ask(queue_of(argv[2]), atoi(argv[3]), atoi(argv[4]), atol(argv[5]));
    else if (argc == 4 && !strcmp(argv[1], "serve"))
        serve(queue_of(argv[2]), atoi(argv[3]));
    else if (argc == 5 && !strcmp(argv[1], "collect"))
        collect(queue_of(argv[2]), atoi(argv[3]), atol(argv[4]));
    else if (argc == 2 && !strcmp(argv[1], "audit"))
        show_audit();
    else
        return 2;
    return 0;
}
