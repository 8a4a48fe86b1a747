/* A bounded flood of KRPC queries at one node on loopback: so many in flight, so many in all.
 *
 *     cc -O2 -o flood flood.c && ./flood PORT find_node|get_peers COUNT IN_FLIGHT
 *
 * Prints the answers per second. A query that is not answered within 200 ms makes room for the next.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc != 5) return 2;
    int find = !strcmp(argv[2], "find_node");
    long count = atol(argv[3]), in_flight = atol(argv[4]);
    struct sockaddr_in node = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
    inet_pton(AF_INET, "127.0.0.1", &node.sin_addr);
    int s = socket(AF_INET, SOCK_DGRAM, 0), room = 1 << 22;
    setsockopt(s, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (connect(s, (struct sockaddr *)&node, sizeof node)) return 1;
    char query[256], reply[4096];
    unsigned seed = 1;
    long sent = 0, answered = 0, waiting = 0;
    double begun = now();
    while (answered < count && sent < 2 * count) {
        while (waiting < in_flight && sent < 2 * count) {
            char target[20];
            for (int i = 0; i < 20; i++) target[i] = (seed = seed * 1103515245 + 12345) >> 16;
            const char *head = find ? "d1:ad2:id20:flooderflooderfloode6:target20:"
                                    : "d1:ad2:id20:flooderflooderfloode9:info_hash20:";
            const char *tail = find ? "e1:q9:find_node2:roi1e1:t4:flod1:y1:qe"
                                    : "e1:q9:get_peers2:roi1e1:t4:flod1:y1:qe";
            size_t n = strlen(head);
            memcpy(query, head, n);
            memcpy(query + n, target, 20);
            memcpy(query + n + 20, tail, strlen(tail));
            if (send(s, query, n + 20 + strlen(tail), 0) < 0) break;
            sent++, waiting++;
        }
        struct pollfd ready = {.fd = s, .events = POLLIN};
        if (poll(&ready, 1, 200) == 0) {
            waiting = 0; /* lost */
            continue;
        }
        while (recv(s, reply, sizeof reply, MSG_DONTWAIT) > 0) {
            answered++;
            if (waiting) waiting--;
        }
    }
    printf("%.1f %ld\n", answered / (now() - begun), sent - answered);
    close(s);
    return 0;
}
