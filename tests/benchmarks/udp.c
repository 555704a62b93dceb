/* Both ends of the benchmark of the UDP engine.
 *
 *   udp echo PORT RESOLVERS                 answer every query at 127.0.1.1 .. 127.0.1.RESOLVERS
 *   udp echo PORT 0                         answer every query at every address, a little slower
 *   udp floor PORT RESOLVERS QUERIES        ask as little as can be asked: sendmmsg, recvmmsg, check the ID
 *
 * The floor stores nothing and compares nothing but IDs: what it costs, every client costs.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SOCKETS = 16, WINDOW = 4096, ROOM = 512, HEADER = 12, BUFFER = 16 << 20 };

static uint8_t octets[BATCH][ROOM];
static struct sockaddr_in names[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static _Alignas(struct cmsghdr) uint8_t control[BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];

static int opened(uint32_t address, uint16_t port)
{
    int socket_ = socket(AF_INET, SOCK_DGRAM, 0), size = BUFFER;
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    if (setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size))
        setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bind(socket_, (struct sockaddr *)&here, sizeof here)) {
        perror("bind");
        exit(1);
    }
    return socket_;
}

static int receive(int from, int anywhere)
{
    for (int i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){octets[i], ROOM - 16};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &parts[i], .msg_iovlen = 1};
        if (anywhere) { /* where it was sent to comes with it, and becomes the source of the reply */
            messages[i].msg_hdr.msg_control = control[i];
            messages[i].msg_hdr.msg_controllen = sizeof control[i];
        }
    }
    return recvmmsg(from, messages, BATCH, MSG_DONTWAIT, NULL);
}

static void send_all(int to, int count)
{
    for (int done = 0; done < count;) {
        int sent = sendmmsg(to, messages + done, count - done, 0);
        if (sent > 0)
            done += sent;
    }
}

static size_t question_end(const uint8_t *message)
{
    size_t place = HEADER;
    while (message[place])
        place += message[place] + 1;
    return place + 5;
}

static void echo(uint16_t port, int resolvers)
{
    static const uint8_t answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1};
    int anywhere = resolvers == 0, sockets = anywhere ? 1 : resolvers, on = 1;
    struct pollfd ready[sockets];
    for (int i = 0; i < sockets; i++)
        ready[i] = (struct pollfd){opened(anywhere ? INADDR_ANY : 0x7f000101 + i, port), POLLIN, 0};
    if (anywhere)
        setsockopt(ready[0].fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    for (;;) {
        poll(ready, sockets, -1);
        for (int r = 0; r < sockets; r++) {
            int count = ready[r].revents ? receive(ready[r].fd, anywhere) : 0;
            for (int i = 0; i < count; i++) {
                size_t end = question_end(octets[i]);
                memcpy(octets[i] + 2, "\x81\x80\0\1\0\1\0\0\0\0", 10);
                memcpy(octets[i] + end, answer, sizeof answer);
                parts[i].iov_len = end + sizeof answer;
            }
            send_all(ready[r].fd, count);
        }
    }
}

static void ask(uint16_t port, int resolvers, long queries)
{
    static uint8_t open_ids[SOCKETS][65536];
    struct pollfd ready[SOCKETS];
    uint16_t next[SOCKETS] = {0};
    long sent = 0, answered = 0, waits = 0;
    for (int s = 0; s < SOCKETS; s++)
        ready[s] = (struct pollfd){opened(INADDR_ANY, 0), POLLIN, 0};
    while (answered < queries) {
        for (int s = 0; s < SOCKETS && sent < queries && sent - answered <= WINDOW - BATCH; s++) {
            int count = queries - sent < BATCH ? (int)(queries - sent) : BATCH;
            for (int i = 0; i < count; i++, sent++) {
                uint16_t id = next[s]++;
                int length = HEADER + sprintf((char *)octets[i] + HEADER, "%cname%07ld%cexample", 11, sent / resolvers, 7);
                memcpy(octets[i] + 2, "\1\0\0\1\0\0\0\0\0\0", 10);
                memcpy(octets[i] + length, "\0\0\1\0\1", 5);
                octets[i][0] = id >> 8;
                octets[i][1] = id & 255;
                open_ids[s][id] = 1;
                parts[i] = (struct iovec){octets[i], length + 5};
                names[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                                .sin_port = htons(port),
                                                .sin_addr.s_addr = htonl(0x7f000101 + sent % resolvers)};
                messages[i].msg_hdr = (struct msghdr){
                    .msg_name = &names[i], .msg_namelen = sizeof names[i], .msg_iov = &parts[i], .msg_iovlen = 1};
            }
            send_all(ready[s].fd, count);
        }
        if (poll(ready, SOCKETS, 100) == 0 && ++waits == 20) {
            fprintf(stderr, "%ld of %ld lost\n", queries - answered, queries);
            exit(1);
        }
        for (int s = 0; s < SOCKETS; s++) {
            int count = ready[s].revents ? receive(ready[s].fd, 0) : 0;
            for (int i = 0; i < count; i++) {
                uint16_t id = octets[i][0] << 8 | octets[i][1];
                answered += open_ids[s][id];
                open_ids[s][id] = 0;
            }
        }
    }
}

int main(int count, char **words)
{
    if (count == 4 && !strcmp(words[1], "echo"))
        echo(atoi(words[2]), atoi(words[3]));
    else if (count == 5 && !strcmp(words[1], "floor"))
        ask(atoi(words[2]), atoi(words[3]), atol(words[4]));
    else
        return 2;
    return 0;
}
