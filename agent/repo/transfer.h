// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * Transfers from one repository: the adapter for librepo's downloading side
 *
 * Finds the repository's mirrors, gets and checks repomd.xml, then single files of it, trying the
 * mirrors in turn. Files arrive in a folder of the caller's; nothing else is written.
 *
 * Sentences name the URL that was tried, without credentials, and why it failed. Their status is
 * UNAVAILABLE when the other side could not be reached or did not have it, DATA when what came is
 * not what it should be, CONFIG when the node's configuration cannot work, TEMPFAIL when
 * transfer_interrupt() ended it.
 */

#include "base/err.h"
#include "repo/repoconf.h"

#define TRANSFER_REPOMD_MAX ((int64_t)8 * 1024 * 1024) /* bytes of repomd.xml, a mirror list */

struct transfer;

/* A record of repomd.xml. Texts belong to the transfer. */
struct transfer_record {
	const char *type;
	const char *location;
	const char *checksum_type, *checksum; /* NULL: repomd.xml has none */
	int64_t size, open_size, timestamp;   /* -1: not said */
};

struct transfer_repomd {
	const char *revision; /* or NULL */
	const char *checksum; /* "sha256:..." of repomd.xml itself */
	int64_t timestamp;    /* newest record, or TIME_UNSET */
	const struct transfer_record *records;
	size_t n_records;
};

struct transfer_spec {
	const struct repoconf_section *section;
	int root;	    /* keys and certificates are read below it, file: URLs too */
	const char *folder; /* absolute; exists, is empty and belongs to this transfer */
	int64_t file_bytes_max;
	void (*on_progress)(const char *file, int64_t done, int64_t total, void *userdata);
	void *userdata;
};

/* Prepares: 0, or -1 with @err (CONFIG). @spec and what it points to must outlive the transfer. */
_must_check_ int transfer_open(const struct transfer_spec *spec, struct transfer **ret,
			       struct err *err);
void transfer_free(struct transfer *transfer); /* accepts NULL */
DEFINE_CLEANUP(struct transfer *, transfer_free);

/*
 * Gets repomd.xml, and its signature if the section has repo_gpgcheck. @ret belongs to the
 * transfer.
 */
_must_check_ int transfer_repomd(struct transfer *transfer, const struct transfer_repomd **ret,
				 struct err *err);

/* Gets the file of a record as @name in the folder; its checksum is verified. */
_must_check_ int transfer_file(struct transfer *transfer, const struct transfer_record *record,
			       const char *name, struct err *err);

/* True for the checksum types that are taken for proof: SHA-2. */
bool transfer_trusts(const char *checksum_type);
/* The SHA-256 of a file in hexadecimal digits, or NULL if it cannot be read. */
const char *transfer_sha256(int fd, struct arena *arena);
/* Does the file have this checksum? The offset of @fd is moved. */
bool transfer_verify(int fd, const char *checksum_type, const char *checksum);

/* How much came, whatever became of it. */
struct transfer_count {
	int64_t bytes, files;
};
struct transfer_count transfer_count(const struct transfer *transfer);

/*
 * Ends what is under way as soon as possible; may be called from a signal handler. Stays in force
 * until transfer_resume().
 */
void transfer_interrupt(void);
void transfer_resume(void);
