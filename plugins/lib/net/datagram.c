/* SPDX-License-Identifier: MIT */
/* datagram.c - UDP: received up to 16 a system call into one set of buffers a loop, sent up to 64 a call once a turn.
 *
 * What could not be delivered comes back in the socket's queue of errors, with the address it was for; it is counted
 * and told, and the socket goes on. The queue is bounded in number and in bytes; the newest is refused when it is full.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <linux/errqueue.h>
#include <unistd.h>
#include <backplane/loop.h>
#include <backplane/owner.h>
#include "datagram.h"

#define LARGEST 65535
#define MOST_IN 16     /* a system call */
#define MOST_ROUNDS 4  /* of those in one turn of one socket */
#define MOST_OUT 64    /* a system call */
#define MOST_ERRORS 64 /* in one turn of one socket */
#define QUEUE_DATAGRAMS 1024
#define QUEUE_BYTES (4 * 1024 * 1024)
#define RECEIVE_BUFFER (1024 * 1024) /* asked for; the system may give less */

typedef struct {
	BpAddress to;
	gsize size;
	guint8 bytes[];
} QueuedDatagram;

struct BpDatagram {
	BpOwned owned;
	gint refs;
	int fd;
	BpFd *source;
	gboolean removing; /* of the source, by ourselves */
	BpDatagramEvents events;
	gpointer user;
	BpAddress local;
	GQueue queue; /* of QueuedDatagram */
	gsize queued;
	gboolean scheduled, blocked;
	guint32 kernel_drops_seen;
	BpDatagramStats stats;
};

/* One set a loop: 1 MiB, made when the first datagram socket is. */
typedef struct {
	guint8 bytes[MOST_IN][LARGEST + 1];
	struct sockaddr_storage from[MOST_IN];
	union {
		struct cmsghdr align;
		guint8 bytes[CMSG_SPACE(sizeof(guint32))];
	} control[MOST_IN];
	struct iovec pieces[MOST_IN];
	struct mmsghdr headers[MOST_IN];
} ReceiveBuffers;
static GPrivate buffer_memory = G_PRIVATE_INIT(g_free);
static __thread ReceiveBuffers *buffers; /* in buffer_memory too, which frees it */

static void datagram_unref(BpDatagram *datagram)
{
	if (--datagram->refs == 0)
		g_free(datagram);
}

static void tell_error(BpDatagram *datagram, const char *what, int number)
{
	BpPlugin *owner = datagram->owned.owner;

	datagram->stats.errors++;
	if (datagram->fd >= 0 && datagram->events.error && bp_owner_enter(owner)) {
		g_autoptr(GError)
			error = g_error_new(BP_IO_ERROR, number == ECONNREFUSED ? BP_CLOSED : BP_FAILED, "%s: %s", what,
					    number == ECONNREFUSED ? "nobody listens there" : g_strerror(number));

		datagram->events.error(owner, datagram, error, datagram->user);
		bp_owner_leave(owner);
	}
}

static void tell_undelivered(BpDatagram *datagram, const BpAddress *to, int number)
{
	g_autofree char *text = bp_address_format(to);
	g_autofree char *what = g_strdup_printf("a datagram to %s did not arrive", text);

	tell_error(datagram, what, number);
}

static const struct sock_extended_err *find_report(struct msghdr *header)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
		if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
		    (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR))
			return (const struct sock_extended_err *)CMSG_DATA(at);
	return NULL;
}

/* Reports from the network; they keep the socket awake until they are taken. Gives how many there were. */
static guint read_errors(BpDatagram *datagram)
{
	guint count = 0;

	for (; count < MOST_ERRORS && datagram->fd >= 0; count++) {
		union {
			struct cmsghdr align;
			guint8 bytes[512];
		} control;
		BpAddress to = { 0 };
		struct msghdr header = { .msg_name = &to.storage,
					 .msg_namelen = sizeof(to.storage),
					 .msg_control = control.bytes,
					 .msg_controllen = sizeof(control.bytes) };
		const struct sock_extended_err *report;

		if (recvmsg(datagram->fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
		to.size = MIN(header.msg_namelen, sizeof(to.storage));
		report = find_report(&header);
		/* Local errors are returned by the sending call. */
		if (report && report->ee_origin != SO_EE_ORIGIN_LOCAL)
			tell_undelivered(datagram, &to, (int)report->ee_errno);
	}
	return count;
}

/* --- receiving --- */

static void prepare_buffers(void)
{
	if (!buffers) {
		buffers = g_new0(ReceiveBuffers, 1);
		g_private_set(&buffer_memory, buffers);
	}
	for (guint i = 0; i < MOST_IN; i++) {
		buffers->pieces[i] = (struct iovec){ buffers->bytes[i], LARGEST };
		buffers->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &buffers->from[i],
			.msg_namelen = sizeof(buffers->from[i]),
			.msg_iov = &buffers->pieces[i],
			.msg_iovlen = 1,
			.msg_control = buffers->control[i].bytes,
			.msg_controllen = sizeof(buffers->control[i].bytes),
		};
	}
}

/* The system's count of what it had no room for goes round at 2^32. */
static void note_kernel_drops(BpDatagram *datagram, struct msghdr *header)
{
	for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
		guint32 count;

		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SO_RXQ_OVFL)
			continue;
		memcpy(&count, CMSG_DATA(at), sizeof(count));
		datagram->stats.kernel_drops += (guint32)(count - datagram->kernel_drops_seen);
		datagram->kernel_drops_seen = count;
	}
}

static void deliver(BpDatagram *datagram, guint index)
{
	struct mmsghdr *header = &buffers->headers[index];
	BpPlugin *owner = datagram->owned.owner;
	BpAddress from = { .size = MIN(header->msg_hdr.msg_namelen, sizeof(from.storage)) };

	memcpy(&from.storage, &buffers->from[index], from.size);
	note_kernel_drops(datagram, &header->msg_hdr);
	datagram->stats.received++;
	datagram->stats.bytes_in += header->msg_len;
	if (datagram->events.data && bp_owner_enter_as(owner, "datagrams", NULL)) {
		datagram->events.data(owner, datagram, buffers->bytes[index], header->msg_len, &from, datagram->user);
		bp_owner_leave(owner);
	}
}

/* FALSE: nothing more to read, or the socket was closed. */
static gboolean receive_some(BpDatagram *datagram)
{
	int count;

	prepare_buffers();
	count = recvmmsg(datagram->fd, buffers->headers, MOST_IN, MSG_DONTWAIT, NULL);
	if (count < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return FALSE;
		tell_error(datagram, "a datagram did not arrive", errno);
		return datagram->fd >= 0;
	}
	for (int i = 0; i < count && datagram->fd >= 0; i++)
		deliver(datagram, (guint)i);
	return count == MOST_IN && datagram->fd >= 0;
}

/* --- sending --- */

static void drop_head(BpDatagram *datagram)
{
	QueuedDatagram *parcel = g_queue_pop_head(&datagram->queue);

	datagram->queued -= parcel->size;
	g_free(parcel);
}

static int send_some(BpDatagram *datagram)
{
	struct mmsghdr headers[MOST_OUT];
	struct iovec pieces[MOST_OUT];
	guint count = 0;

	for (GList *at = datagram->queue.head; at && count < MOST_OUT; at = at->next, count++) {
		QueuedDatagram *parcel = at->data;

		pieces[count] = (struct iovec){ parcel->bytes, parcel->size };
		headers[count] = (struct mmsghdr){
			.msg_hdr = { .msg_name = &parcel->to.storage,
				     .msg_namelen = parcel->to.size,
				     .msg_iov = &pieces[count],
				     .msg_iovlen = 1 },
		};
	}
	return sendmmsg(datagram->fd, headers, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* sendmmsg gives an error only for the first: about itself, or about one that was sent before. */
static void give_up_head(BpDatagram *datagram, int number)
{
	QueuedDatagram *parcel = datagram->queue.head->data;
	g_autofree char *to = bp_address_format(&parcel->to);
	g_autofree char *what = NULL;

	if (read_errors(datagram) && number != EMSGSIZE)
		return;
	what = g_strdup_printf("a datagram of %zu bytes to %s was not sent", parcel->size, to);
	datagram->stats.drops++;
	drop_head(datagram);
	tell_error(datagram, what, number);
}

static void set_blocked(BpDatagram *datagram, gboolean on)
{
	datagram->blocked = on;
	if (datagram->source)
		bp_fd_set_events(datagram->source, on ? BP_IN | BP_OUT : BP_IN);
}

static void flush(BpDatagram *datagram)
{
	/* Each round takes one away, or the answer to one; a peer's refusals must not keep us here. */
	for (guint left = QUEUE_DATAGRAMS * 2; left && datagram->fd >= 0 && datagram->queue.length; left--) {
		int count = send_some(datagram);

		if (count < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
			set_blocked(datagram, TRUE);
			return;
		}
		if (count < 0 && errno != EINTR)
			give_up_head(datagram, errno);
		for (; count > 0; count--) {
			datagram->stats.sent++;
			datagram->stats.bytes_out += ((QueuedDatagram *)datagram->queue.head->data)->size;
			drop_head(datagram);
		}
	}
	if (datagram->blocked && datagram->fd >= 0)
		set_blocked(datagram, FALSE);
}

static void on_turn_end(BpPlugin *self, gpointer data)
{
	BpDatagram *datagram = data;

	datagram->scheduled = FALSE;
	if (!datagram->blocked)
		flush(datagram);
}

static void on_turn_gone(gpointer data)
{
	datagram_unref(data);
}

BpSent bp_datagram_send(BpDatagram *datagram, gconstpointer data, gsize size, const BpAddress *to)
{
	QueuedDatagram *parcel;

	g_return_val_if_fail(datagram && to && (data || !size), BP_GONE);
	if (datagram->fd < 0)
		return BP_GONE;
	if (size > LARGEST || datagram->queue.length >= QUEUE_DATAGRAMS || datagram->queued + size > QUEUE_BYTES) {
		datagram->stats.drops++;
		return BP_FULL;
	}
	parcel = g_malloc(sizeof(*parcel) + size);
	parcel->to = *to;
	parcel->size = size;
	if (size)
		memcpy(parcel->bytes, data, size);
	g_queue_push_tail(&datagram->queue, parcel);
	datagram->queued += size;
	if (!datagram->scheduled) {
		datagram->scheduled = TRUE;
		datagram->refs++;
		bp_defer(datagram->owned.owner, on_turn_end, datagram, on_turn_gone);
	}
	return BP_SENT;
}

/* --- opening and closing --- */

static void on_event(BpPlugin *self, int fd, BpEvents events, gpointer data)
{
	BpDatagram *datagram = data;

	datagram->refs++;
	if (events & BP_FAULT)
		read_errors(datagram);
	if (events & (BP_IN | BP_FAULT) && datagram->fd >= 0)
		for (guint i = 0; i < MOST_ROUNDS && receive_some(datagram); i++)
			;
	if (events & BP_OUT && datagram->fd >= 0)
		flush(datagram);
	datagram_unref(datagram);
}

static void on_source_gone(gpointer data)
{
	BpDatagram *datagram = data;

	if (!datagram->removing)
		datagram->source = NULL;
	datagram_unref(datagram);
}

static void drop(BpOwned *owned)
{
	bp_datagram_close(BP_OWNED_BY(owned, BpDatagram, owned));
}

static int make_socket(const BpAddress *address, gboolean shared)
{
	int one = 1, space = RECEIVE_BUFFER;
	int fd = socket(address->storage.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (shared)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->storage.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &space, sizeof(space));
	if (bind(fd, (const struct sockaddr *)&address->storage, address->size) == 0)
		return fd;
	space = errno;
	close(fd);
	errno = space;
	return -1;
}

/* An unconnected socket gets ICMP errors only with IP_RECVERR. */
static void ask_for_errors(int fd, int family)
{
	int one = 1;

	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	else if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one));
}

BpDatagram *bp_datagram_open(BpPlugin *self, const BpAddress *address, gboolean shared, const BpDatagramEvents *events,
			     gpointer user, GError **error)
{
	BpDatagram *datagram;
	int fd;

	g_return_val_if_fail(self && address && events, NULL);
	fd = make_socket(address, shared);
	if (fd < 0) {
		g_autofree char *text = bp_address_format(address);

		g_set_error(error, BP_IO_ERROR,
			    errno == EADDRINUSE ? BP_BUSY
			    : errno == EACCES	? BP_NOT_PERMITTED
						: BP_FAILED,
			    "cannot receive datagrams on %s: %s%s", text, g_strerror(errno),
			    errno == EADDRINUSE ? "; try another port" : "");
		return NULL;
	}
	ask_for_errors(fd, address->storage.ss_family);
	datagram = g_new0(BpDatagram, 1);
	datagram->refs = 1;
	datagram->fd = fd;
	bp_struct_copy(&datagram->events, sizeof(datagram->events), events);
	datagram->user = user;
	datagram->local.size = sizeof(datagram->local.storage);
	getsockname(fd, (struct sockaddr *)&datagram->local.storage, &datagram->local.size);
	g_queue_init(&datagram->queue);
	bp_owner_link(self, &datagram->owned, "datagram socket", drop);
	datagram->refs++;
	datagram->source = bp_fd_add(self, fd, BP_IN, on_event, datagram, on_source_gone);
	return datagram;
}

/* What was queued in this turn goes out first, as far as the system takes it. */
void bp_datagram_close(BpDatagram *datagram)
{
	BpFd *source;

	g_return_if_fail(datagram);
	if (datagram->fd < 0)
		return;
	datagram->events = (BpDatagramEvents){ 0 };
	if (!datagram->blocked)
		flush(datagram);
	while (datagram->queue.length)
		drop_head(datagram);
	source = g_steal_pointer(&datagram->source);
	datagram->removing = TRUE;
	if (source)
		bp_fd_remove(source);
	close(datagram->fd);
	datagram->fd = -1;
	bp_owner_unlink(&datagram->owned);
	datagram_unref(datagram);
}

int datagram_fd(const BpDatagram *datagram)
{
	return datagram->fd;
}

const BpAddress *bp_datagram_local(const BpDatagram *datagram)
{
	return &datagram->local;
}

void bp_datagram_stats_sized(const BpDatagram *datagram, BpDatagramStats *result, gsize size)
{
	bp_sized_copy(result, size, &datagram->stats, sizeof(datagram->stats));
}
