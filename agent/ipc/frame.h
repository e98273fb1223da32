// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Framing: a byte stream cut into messages by NUL bytes (Varlink)
 *
 * No I/O: bytes are pushed in and messages taken out. All limits of the control socket stand here
 * (DESIGN section 8).
 */

#include "base/macro.h"

#define FRAME_REQUEST_MAX ((size_t)64 * 1024)	    /* bytes of one request, without its NUL */
#define FRAME_REPLY_MAX	  ((size_t)8 * 1024 * 1024) /* bytes of one reply, without its NUL */
/* Replies a slow reader may leave unread before it is dropped: the largest, and its progress. */
#define FRAME_QUEUE_MAX	      (FRAME_REPLY_MAX + (size_t)64 * 1024)
#define FRAME_CONNECTIONS_MAX 16 /* more wait in the kernel's queue until there is room */
/* Of them for one user who is neither root nor us; what he opens beyond is closed. */
#define FRAME_CONNECTIONS_PER_USER 6
/* Who has been silent for so long makes room when others wait. */
#define FRAME_SILENT_MSEC 1000
/* Time for a client to complete a request, or to take some bytes of a reply. */
#define FRAME_IDLE_MSEC 30000

/* Messages coming in. */
struct frame_reader {
	size_t max; /* bytes of one message */
	char *data;
	size_t begin, end, size;
	size_t scanned; /* bytes from @begin known to hold no NUL */
};

void frame_reader_init(struct frame_reader *reader, size_t max);
void frame_reader_deinit(struct frame_reader *reader);
/* Appends bytes of the stream. */
void frame_push(struct frame_reader *reader, const void *bytes, size_t len);

/**
 * frame_next() - take the next complete message
 * @ret: the message, NUL-terminated; valid until the next call on @reader
 *
 * Return: 1 with a message; 0 when more bytes are needed; -EMSGSIZE when the message under way is
 * longer than allowed: the stream is then useless.
 */
_must_check_ int frame_next(struct frame_reader *reader, const char **ret, size_t *ret_len);

/* Messages going out. */
struct frame_queue {
	size_t max; /* bytes waiting, NULs included */
	char *data;
	size_t begin, end, size;
};

void frame_queue_init(struct frame_queue *queue, size_t max);
void frame_queue_deinit(struct frame_queue *queue);
/* Appends a message and its NUL. Returns 0, or -ENOBUFS when more than @max bytes would wait. */
_must_check_ int frame_put(struct frame_queue *queue, const char *text, size_t len);
/* The bytes to write next; 0 when none wait. */
size_t frame_waiting(const struct frame_queue *queue, const char **ret);
/* @len of them have been written. */
void frame_written(struct frame_queue *queue, size_t len);
