/* A relay that only copies, the least that stands between two peers: copying_relay FROM TO. */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address(const char *port)
{
    struct sockaddr_in found = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    found.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return found;
}

static int copy(int from, int to)
{
    static char buffer[1 << 18];
    ssize_t size = recv(from, buffer, sizeof buffer, 0);
    for (ssize_t at = 0; at < size;) {
        ssize_t sent = send(to, buffer + at, size - at, MSG_NOSIGNAL);
        if (sent <= 0)
            return 0;
        at += sent;
    }
    return size > 0;
}

static void serve(int one, int other)
{
    struct pollfd both[2] = {{.fd = one, .events = POLLIN}, {.fd = other, .events = POLLIN}};
    for (;;) {
        if (poll(both, 2, -1) < 0)
            return;
        for (int side = 0; side < 2; side++)
            if (both[side].revents && !copy(both[side].fd, both[!side].fd))
                return;
    }
}

int main(int count, char **words)
{
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (count != 3)
        return 2;
    struct sockaddr_in here = address(words[1]), there = address(words[2]);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 8))
        return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        int one = accept(listener, NULL, NULL), other = socket(AF_INET, SOCK_STREAM, 0);
        if (one < 0 || connect(other, (struct sockaddr *)&there, sizeof there))
            return 1;
        setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        setsockopt(other, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        serve(one, other);
        close(one);
        close(other);
    }
}
