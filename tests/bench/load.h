/* SPDX-License-Identifier: MIT */
/* load.h - what the parts of the load client share. */
#pragma once
#include <stdint.h>

typedef struct {
	const char *mode, *protocol;
	int port, into; /* `into`: where a fan-out is fed; else the same as `port` */
	int connections, depth;
	double seconds;
	const char *pids; /* "12,13": of the server, whose CPU time is taken */
} Load;

typedef struct {
	uint64_t messages, lost;
	double seconds, cpu;
} LoadResult;

#define MESSAGE_SIZE 64

void load_fail(const char *what);
double load_clock(void);
double load_cpu(const Load *load);
int load_connect(const Load *load, int port);
void load_upgrade(const Load *load, int fd, int port); /* to WebSocket */
int load_poller(void);
void load_poll(int poller, int fd, void *data);

LoadResult load_echo(const Load *load);
LoadResult load_once(const Load *load);
LoadResult load_fanout(const Load *load);
