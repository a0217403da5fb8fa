/* SPDX-License-Identifier: MIT */
/* listen.h - sockets that listen: bound, inherited from systemd, or refused with a sentence. */
#pragma once
#include <sys/types.h>
#include <backplane/address.h>

typedef struct {
	int fd;
	BpAddress address; /* with the port that the system chose */
	char *path;	   /* of a socket file that is to be removed */
	dev_t device;	   /* ... if it is still the one made here */
	ino_t inode;
} ListenSocket;

/* An array of ListenSocket for what a bind parameter says; "localhost" and "*" are two with one port. */
GArray *listen_open(const char *bind, guint port, GError **error);
/* Closes and frees; socket files are removed. */
void listen_close(GArray *list);
/* The process that listens on a TCP port, "pid 812 (nginx)"; NULL if that cannot be determined. Yours. */
char *listen_find_holder(guint port);
