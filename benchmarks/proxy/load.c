/* SPDX-License-Identifier: Apache-2.0
 *
 * The two ends of a console session, for the benchmark of the proxy.
 *
 *   load backend            an RFB server that does what its client asks for
 *   load MODE HOST PORT FRAMED TOKEN ARGUMENT...
 *                           a client; FRAMED is 1 for WebSocket, 0 for TCP
 *
 * After the RFB 3.8 handshake a client sends commands of nine bytes, a letter
 * and a number N (64 bits, little endian): S sends N bytes, D takes N bytes
 * and answers with one, G sends a byte and, N us later, another, E echoes for
 * ever, X reads nothing any more.
 *
 * A client prints one JSON object. Modes that hold their sessions open then
 * wait for the end of standard input.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define VERSION "RFB 003.008\n"
#define CHUNK (256 * 1024)

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec / 1e9;
}

static void write_all(int fd, const void *data, size_t size)
{
    const char *next = data;
    while (size) {
        ssize_t sent = write(fd, next, size);
        if (sent < 0)
            die("write");
        next += sent;
        size -= sent;
    }
}

/* ---- the backend ---- */

struct guest {
    int fd;
    int stage; /* 0 version, 1 security type, 2 command, else the command */
    size_t have;
    unsigned char kept[12];
    uint64_t left;
};

static char page[CHUNK];

static void watch(int poller, struct guest *guest, int operation, int events)
{
    struct epoll_event event = {.events = events, .data.ptr = guest};
    if (epoll_ctl(poller, operation, guest->fd, &event))
        die("epoll_ctl");
}

static void push(int poller, struct guest *guest)
{
    while (guest->left) {
        size_t size = guest->left < CHUNK ? guest->left : CHUNK;
        ssize_t sent = send(guest->fd, page, size, MSG_DONTWAIT);
        if (sent < 0) {
            watch(poller, guest, EPOLL_CTL_MOD,
                  errno == EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
            return;
        }
        guest->left -= sent;
    }
    guest->stage = 2;
    watch(poller, guest, EPOLL_CTL_MOD, EPOLLIN);
}

static void command(int poller, struct guest *guest)
{
    guest->stage = guest->kept[0];
    memcpy(&guest->left, guest->kept + 1, 8);
    if (guest->stage == 'S') {
        push(poller, guest);
    } else if (guest->stage == 'X') {
        watch(poller, guest, EPOLL_CTL_MOD, 0);
    } else if (guest->stage == 'G') {
        write_all(guest->fd, "1", 1);
        usleep(guest->left);
        write_all(guest->fd, "2", 1);
        guest->stage = 2;
    }
}

static void take(int poller, struct guest *guest, char *data, size_t size)
{
    static const size_t needs[] = {12, 1, 9};
    while (size) {
        size_t used = size;
        if (guest->stage < 3) {
            size_t need = needs[guest->stage] - guest->have;
            used = need < size ? need : size;
            memcpy(guest->kept + guest->have, data, used);
            guest->have += used;
            if (guest->have == needs[guest->stage]) {
                guest->have = 0;
                if (guest->stage == 2) {
                    command(poller, guest);
                } else {
                    write_all(guest->fd, "\1\1\0\0\0\0" + guest->stage * 2,
                              guest->stage ? 4 : 2);
                    guest->stage++;
                }
            }
        } else if (guest->stage == 'E') {
            write_all(guest->fd, data, size);
        } else if (guest->stage == 'D') {
            used = guest->left < size ? guest->left : size;
            guest->left -= used;
            if (!guest->left) {
                write_all(guest->fd, "!", 1);
                guest->stage = 2;
            }
        }
        data += used;
        size -= used;
    }
}

static void welcome(int poller, int listener)
{
    int on = 1;
    int fd = accept(listener, NULL, NULL);
    if (fd < 0)
        return;
    struct guest *guest = calloc(1, sizeof *guest);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    guest->fd = fd;
    watch(poller, guest, EPOLL_CTL_ADD, EPOLLIN);
    send(fd, VERSION, 12, MSG_NOSIGNAL);
}

static void backend(void)
{
    static char data[CHUNK];
    struct epoll_event events[64];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    struct guest self = {0};
    int poller = epoll_create1(0);
    self.fd = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(self.fd, (struct sockaddr *)&address, sizeof address) ||
        listen(self.fd, 4096) ||
        getsockname(self.fd, (struct sockaddr *)&address, &length))
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    watch(poller, &self, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        int count = epoll_wait(poller, events, 64, -1);
        for (int i = 0; i < count; i++) {
            struct guest *guest = events[i].data.ptr;
            if (guest == &self) {
                welcome(poller, self.fd);
                continue;
            }
            if (events[i].events & EPOLLOUT && guest->stage == 'S')
                push(poller, guest);
            if (!(events[i].events & ~EPOLLOUT))
                continue;
            ssize_t got = guest->stage == 'X'
                              ? 0
                              : recv(guest->fd, data, CHUNK, MSG_DONTWAIT);
            if (got > 0) {
                take(poller, guest, data, got);
            } else if (got == 0 || errno != EAGAIN) {
                close(guest->fd);
                free(guest);
            }
        }
    }
}

/* ---- a client ---- */

static struct sockaddr_in proxy;
static const char *token;
static int framed;

struct link {
    int fd;
    int have; /* bytes of a frame's header */
    unsigned char header[10];
    uint64_t left; /* of the payload of a frame */
};

/* Take frames apart; returns how much payload there was, copied to out. */
static size_t strip(struct link *link, unsigned char *data, size_t size,
                    unsigned char *out)
{
    size_t total = 0;
    if (!framed) {
        if (out)
            memmove(out, data, size);
        return size;
    }
    while (size) {
        if (link->left) {
            size_t part = link->left < size ? link->left : size;
            if (out)
                memmove(out + total, data, part);
            total += part;
            link->left -= part;
            data += part;
            size -= part;
            continue;
        }
        link->header[link->have++] = *data++;
        size--;
        if (link->have < 2)
            continue;
        int form = link->header[1] & 127;
        int more = form == 126 ? 2 : form == 127 ? 8 : 0;
        if (link->have < 2 + more)
            continue;
        link->left = more ? 0 : form;
        for (int i = 0; i < more; i++)
            link->left = link->left << 8 | link->header[2 + i];
        link->have = 0;
        if ((link->header[0] & 15) != 2) {
            errno = EPROTO;
            die("not a binary frame");
        }
    }
    return total;
}

static size_t pull(struct link *link, unsigned char *buffer, size_t size,
                   unsigned char *out)
{
    ssize_t got = read(link->fd, buffer, size);
    if (got <= 0)
        die("read");
    return strip(link, buffer, got, out);
}

static void expect(struct link *link, const char *data, size_t size)
{
    unsigned char buffer[128];
    size_t have = 0;
    while (have < size)
        have += pull(link, buffer + have, sizeof buffer - have,
                     buffer + have);
    if (have != size || (data && memcmp(buffer, data, size))) {
        errno = EPROTO;
        die("unexpected data");
    }
}

static size_t frame(unsigned char *out, const void *data, size_t size)
{
    static const unsigned char key[4] = {0x51, 0x0e, 0x93, 0xc7};
    size_t head = 0;
    if (framed) {
        out[head++] = 0x82;
        if (size < 126) {
            out[head++] = 0x80 | size;
        } else if (size < 65536) {
            out[head++] = 0x80 | 126;
            out[head++] = size >> 8;
            out[head++] = size;
        } else {
            out[head++] = 0x80 | 127;
            for (int i = 56; i >= 0; i -= 8)
                out[head++] = (uint64_t)size >> i;
        }
        memcpy(out + head, key, 4);
        head += 4;
    }
    memcpy(out + head, data, size);
    for (size_t i = 0; framed && i < size; i++)
        out[head + i] ^= key[i & 3];
    return head + size;
}

static void say(struct link *link, const void *data, size_t size)
{
    unsigned char buffer[64];
    write_all(link->fd, buffer, frame(buffer, data, size));
}

static void order(struct link *link, char letter, uint64_t number)
{
    char buffer[9] = {letter};
    memcpy(buffer + 1, &number, 8);
    say(link, buffer, 9);
}

static void dial(struct link *link)
{
    int on = 1;
    memset(link, 0, sizeof *link);
    link->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (link->fd < 0 ||
        connect(link->fd, (struct sockaddr *)&proxy, sizeof proxy))
        die("connect");
    setsockopt(link->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void upgrade(struct link *link)
{
    char text[2048];
    int port = ntohs(proxy.sin_port);
    int size = snprintf(text, sizeof text,
                        "GET /?token=%s HTTP/1.1\r\n"
                        "Host: 127.0.0.1:%d\r\n"
                        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                        "Sec-WebSocket-Version: 13\r\n"
                        "Sec-WebSocket-Key: AAECAwQFBgcICQoLDA0ODw==\r\n"
                        "Sec-WebSocket-Protocol: binary\r\n"
                        "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n"
                        "Accept-Language: en\r\nCache-Control: no-cache\r\n"
                        "Origin: http://127.0.0.1:%d\r\n\r\n",
                        token, port, port);
    write_all(link->fd, text, size);
    for (;;) {
        ssize_t got = recv(link->fd, text, sizeof text - 1, MSG_PEEK);
        if (got <= 0)
            die("no answer");
        text[got] = 0;
        char *end = strstr(text, "\r\n\r\n");
        if (!end && got == sizeof text - 1)
            die("a long answer");
        if (recv(link->fd, text, end ? end + 4 - text : got, 0) <= 0)
            die("recv");
        if (memcmp(text, "HTTP/1.1 101", 12)) {
            errno = EPROTO;
            die(text);
        }
        if (end)
            return;
    }
}

static void open_session(struct link *link)
{
    dial(link);
    if (framed)
        upgrade(link);
    expect(link, VERSION, 12);
    say(link, VERSION, 12);
    expect(link, "\1\1", 2);
    say(link, "\1", 1);
    expect(link, "\0\0\0\0", 4);
}

static int by_value(const void *one, const void *other)
{
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double quantile(const double *values, size_t count, double share)
{
    double *sorted = malloc(count * sizeof *sorted);
    memcpy(sorted, values, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, by_value);
    double result = sorted[(size_t)(share * (count - 1))];
    free(sorted);
    return result;
}

static void hold(void)
{
    char byte;
    printf("\n");
    fflush(stdout);
    while (read(0, &byte, 1) > 0)
        ;
}

struct opener {
    pthread_t thread;
    struct link *links;
    double *times;
    size_t count;
};

static void *open_many(void *argument)
{
    struct opener *self = argument;
    for (size_t i = 0; i < self->count; i++) {
        double start = now();
        open_session(&self->links[i]);
        self->times[i] = now() - start;
    }
    return NULL;
}

/* open COUNT AT_ONCE BYTES: BYTES go each way through each session. */
static void mode_open(size_t count, size_t at_once, uint64_t bytes)
{
    static unsigned char data[CHUNK];
    struct link *links = calloc(count, sizeof *links);
    double *times = calloc(count, sizeof *times);
    struct opener *openers = calloc(at_once, sizeof *openers);
    double start = now();
    bytes = bytes / 4096 * 4096;
    for (size_t i = 0; i < at_once; i++) {
        size_t first = count * i / at_once;
        openers[i].links = links + first;
        openers[i].times = times + first;
        openers[i].count = count * (i + 1) / at_once - first;
        pthread_create(&openers[i].thread, NULL, open_many, &openers[i]);
    }
    for (size_t i = 0; i < at_once; i++)
        pthread_join(openers[i].thread, NULL);
    double took = now() - start;
    for (size_t i = 0; bytes && i < count; i++) {
        order(&links[i], 'S', bytes);
        for (uint64_t got = 0; got < bytes;)
            got += pull(&links[i], data, CHUNK, NULL);
        unsigned char out[4096 + 14];
        size_t size = frame(out, data, 4096);
        order(&links[i], 'D', bytes);
        for (uint64_t sent = 0; sent < bytes; sent += 4096)
            write_all(links[i].fd, out, size);
        expect(&links[i], "!", 1);
    }
    size_t edge = count < 500 ? count : 500;
    printf("{\"rate\": %f, \"p50\": %f, \"p99\": %f, \"first\": %f, "
           "\"last\": %f}",
           count / took, quantile(times, count, .5),
           quantile(times, count, .99), quantile(times, edge, .5),
           quantile(times + count - edge, edge, .5));
    hold();
}

/* silent COUNT: connect and say nothing until all are closed. */
static void mode_silent(size_t count)
{
    struct link *links = calloc(count, sizeof *links);
    char byte;
    double start = now();
    for (size_t i = 0; i < count; i++)
        dial(&links[i]);
    printf("ready\n");
    fflush(stdout);
    for (size_t i = 0; i < count; i++)
        while (recv(links[i].fd, &byte, 1, 0) > 0)
            ;
    printf("{\"closed\": %f}\n", now() - start);
}

/* echo COUNT: 16 bytes there and back. */
static void mode_echo(size_t count)
{
    struct link link;
    double *times = calloc(count, sizeof *times);
    open_session(&link);
    order(&link, 'E', 0);
    for (size_t i = 0; i < count; i++) {
        double start = now();
        say(&link, "0123456789abcdef", 16);
        expect(&link, "0123456789abcdef", 16);
        times[i] = now() - start;
    }
    printf("{\"p50\": %f, \"p99\": %f}\n", quantile(times, count, .5) * 1e6,
           quantile(times, count, .99) * 1e6);
}

static volatile int over;

/* A user at one session; returns how many echoes there were. */
static void *echo_until_over(void *link)
{
    uint64_t trips = 0;
    while (!over) {
        say(link, "0123456789abcdef", 16);
        expect(link, "0123456789abcdef", 16);
        trips++;
    }
    return (void *)trips;
}

/* many COUNT ACTIVE SECONDS: some of many sessions echo, each for itself. */
static void mode_many(size_t count, size_t active, double seconds)
{
    struct link *links = calloc(count, sizeof *links);
    pthread_t *users = calloc(active, sizeof *users);
    void *trips;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++)
        open_session(&links[i]);
    for (size_t i = 0; i < active; i++)
        order(&links[i * (count / active)], 'E', 0);
    double start = now();
    for (size_t i = 0; i < active; i++)
        pthread_create(&users[i], NULL, echo_until_over,
                       &links[i * (count / active)]);
    usleep(seconds * 1e6);
    over = 1;
    for (size_t i = 0; i < active; i++) {
        pthread_join(users[i], &trips);
        total += (uintptr_t)trips;
    }
    printf("{\"rate\": %f}\n", total / (now() - start));
}

/* down BYTES: from the backend to the client. */
static void mode_down(uint64_t bytes)
{
    static unsigned char data[CHUNK];
    struct link link;
    open_session(&link);
    order(&link, 'S', bytes);
    double start = now();
    for (uint64_t got = 0; got < bytes;)
        got += pull(&link, data, CHUNK, NULL);
    printf("{\"seconds\": %f}\n", now() - start);
}

/* up BYTES SIZE BLOCK: from the client to the backend, in frames of this
 * size, as many to a write as fit into a block, and one at least. */
static void mode_up(uint64_t bytes, size_t size, size_t block)
{
    struct link link;
    size_t count = block > size ? block / size : 1;
    unsigned char *data = memset(malloc(size), 'x', size);
    unsigned char *out = malloc(count * (size + 14));
    size_t whole = 0;
    open_session(&link);
    for (size_t i = 0; i < count; i++)
        whole += frame(out + whole, data, size);
    bytes = bytes / (count * size) * (count * size);
    order(&link, 'D', bytes);
    double start = now();
    for (uint64_t sent = 0; sent < bytes; sent += count * size)
        write_all(link.fd, out, whole);
    expect(&link, "!", 1);
    printf("{\"seconds\": %f}\n", now() - start);
}

/* gap COUNT: between two bytes that were written 1 ms apart. */
static void mode_gap(size_t count)
{
    struct link link;
    double *times = calloc(count, sizeof *times);
    open_session(&link);
    for (size_t i = 0; i < count; i++) {
        order(&link, 'G', 1000);
        unsigned char data[64];
        size_t got = 0;
        while (!got)
            got = pull(&link, data, sizeof data, data);
        double start = now();
        if (got == 1)
            expect(&link, "2", 1);
        times[i] = now() - start;
    }
    printf("{\"p50\": %f, \"max\": %f}\n", quantile(times, count, .5) * 1e3,
           quantile(times, count, 1) * 1e3);
}

/* stall BYTES: ask for them and read nothing. */
static void mode_stall(uint64_t bytes)
{
    struct link link;
    open_session(&link);
    order(&link, 'S', bytes);
    sleep(2);
    printf("{}");
    hold();
}

/* flood BYTES: send up to so many to a backend that does not read. */
static void mode_flood(uint64_t bytes)
{
    static unsigned char out[65536 + 14];
    struct link link;
    uint64_t sent = 0;
    open_session(&link);
    order(&link, 'X', 0);
    size_t whole = frame(out, page, 65536), at = 0;
    struct pollfd entry = {.fd = link.fd, .events = POLLOUT};
    while (sent < bytes && poll(&entry, 1, 1500) > 0) {
        ssize_t done = send(link.fd, out + at, whole - at, MSG_DONTWAIT);
        if (done < 0)
            die("send");
        sent += done;
        at = (at + done) % whole;
    }
    printf("{\"taken\": %f}", sent / 1048576.0);
    hold();
}

int main(int argc, char **argv)
{
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (argc > 1 && !strcmp(argv[1], "backend"))
        backend();
    if (argc < 7) {
        fprintf(stderr, "see the comment in load.c\n");
        return 2;
    }
    double arguments[3] = {0};
    for (int i = 6; i < argc && i < 9; i++)
        arguments[i - 6] = strtod(argv[i], NULL);
    double a = arguments[0], b = arguments[1], c = arguments[2];
    const char *mode = argv[1];
    proxy.sin_family = AF_INET;
    inet_pton(AF_INET, argv[2], &proxy.sin_addr);
    proxy.sin_port = htons(atoi(argv[3]));
    framed = atoi(argv[4]);
    token = argv[5];
    if (!strcmp(mode, "open"))
        mode_open(a, b, c);
    else if (!strcmp(mode, "silent"))
        mode_silent(a);
    else if (!strcmp(mode, "echo"))
        mode_echo(a);
    else if (!strcmp(mode, "many"))
        mode_many(a, b, c);
    else if (!strcmp(mode, "down"))
        mode_down(a);
    else if (!strcmp(mode, "up"))
        mode_up(a, b, c);
    else if (!strcmp(mode, "gap"))
        mode_gap(a);
    else if (!strcmp(mode, "stall"))
        mode_stall(a);
    else if (!strcmp(mode, "flood"))
        mode_flood(a);
    else
        return 2;
    return 0;
}
