// SPDX-License-Identifier: Apache-2.0
#include "ipc/frame.h"

#include "base/alloc.h"

#include <errno.h>

#define SIZE_FIRST ((size_t)4096)

/*
 * Both directions keep the bytes in use at [begin, end) of one buffer: what was consumed is
 * reclaimed when room is needed, by moving the rest to the front, and the buffer is given back
 * when it is empty and large.
 */
static void reserve(char **data, size_t *begin, size_t *end, size_t *size, size_t more)
{
	size_t used = *end - *begin, want = *size ? *size : SIZE_FIRST;

	if (*size - *end >= more)
		return;
	if (*begin)
		memmove(*data, *data + *begin, used);
	*begin = 0;
	*end = used;
	while (want - used < more)
		want *= 2;
	if (want != *size)
		*data = xreallocarray(*data, want, 1);
	*size = want;
}

static void append(char *to, const void *bytes, size_t len)
{
	if (len)
		memcpy(to, bytes, len);
}

void frame_reader_init(struct frame_reader *reader, size_t max)
{
	*reader = (struct frame_reader){ .max = max };
}

void frame_reader_deinit(struct frame_reader *reader)
{
	free(reader->data);
	*reader = (struct frame_reader){ .max = reader->max };
}

void frame_push(struct frame_reader *reader, const void *bytes, size_t len)
{
	reserve(&reader->data, &reader->begin, &reader->end, &reader->size, len);
	append(reader->data + reader->end, bytes, len);
	reader->end += len;
}

int frame_next(struct frame_reader *reader, const char **ret, size_t *ret_len)
{
	size_t used = reader->end - reader->begin;
	char *start, *nul;

	if (used == reader->scanned)
		return used > reader->max ? -EMSGSIZE : 0;
	start = reader->data + reader->begin;
	nul = memchr(start + reader->scanned, '\0', used - reader->scanned);
	if (!nul) {
		reader->scanned = used;
		return used > reader->max ? -EMSGSIZE : 0;
	}
	if ((size_t)(nul - start) > reader->max)
		return -EMSGSIZE;
	*ret = start;
	*ret_len = (size_t)(nul - start);
	reader->begin += *ret_len + 1;
	reader->scanned = 0;
	return 1;
}

void frame_queue_init(struct frame_queue *queue, size_t max)
{
	*queue = (struct frame_queue){ .max = max };
}

void frame_queue_deinit(struct frame_queue *queue)
{
	free(queue->data);
	*queue = (struct frame_queue){ .max = queue->max };
}

int frame_put(struct frame_queue *queue, const char *text, size_t len)
{
	size_t used = queue->end - queue->begin;

	if (used >= queue->max || len > queue->max - used - 1)
		return -ENOBUFS;
	reserve(&queue->data, &queue->begin, &queue->end, &queue->size, len + 1);
	append(queue->data + queue->end, text, len);
	queue->data[queue->end + len] = '\0';
	queue->end += len + 1;
	return 0;
}

size_t frame_waiting(const struct frame_queue *queue, const char **ret)
{
	*ret = queue->data + queue->begin;
	return queue->end - queue->begin;
}

void frame_written(struct frame_queue *queue, size_t len)
{
	queue->begin += len;
	if (queue->begin == queue->end)
		frame_queue_deinit(queue);
}
