// SPDX-License-Identifier: Apache-2.0
#include "apply/stage.h"

#include "base/alloc.h"
#include "base/fsx.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <rpm/rpmpgp.h>

#define FOLDER	  "var/lib/rpm" /* on the file system that must have room anyway; root's own */
#define BLOCK	  ((size_t)1024 * 1024)
#define BYTES_MAX ((uint64_t)512 * 1024 * 1024)

int stage_scratch(int root, struct err *err)
{
	_cleanup_close_ int dir = fsx_open_at(root, FOLDER, O_RDONLY | O_DIRECTORY);
	int fd = dir < 0 ? dir : fsx_scratch_at(dir);

	if (fd < 0)
		return err_set_errno(err, EXIT_STATUS_IO, -fd, "no room for a copy in /" FOLDER);
	return fd;
}

/* Copies at most @size bytes and one more; the digest is of what was written. */
static int copy(int from, int to, const struct apply_package *package, uint64_t *ret_len,
		uint8_t digest[static 32], struct err *err)
{
	_cleanup_free_ char *block = xmalloc(BLOCK);
	DIGEST_CTX ctx = rpmDigestInit(PGPHASHALGO_SHA256, RPMDIGEST_NONE);
	uint64_t total = 0;
	void *result = NULL;
	size_t len = 0;
	ssize_t n = 0;
	int r = 0;

	while (r == 0 && total <= package->size &&
	       (n = pread(from, block, BLOCK, (off_t)total)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : fsx_write_all(to, block, (size_t)n);
		if (r == 0) {
			rpmDigestUpdate(ctx, block, (size_t)n);
			total += (uint64_t)n;
		}
	}
	rpmDigestFinal(ctx, &result, &len, 0);
	if (result && len == 32)
		memcpy(digest, result, 32);
	free(result);
	*ret_len = total;
	return r == 0 ? 0
		      : err_set_errno(err, EXIT_STATUS_IO, -r, "%s: cannot be copied to /" FOLDER,
				      package->title);
}

int stage_copy(int root, int from, const struct apply_package *package, struct err *err)
{
	_cleanup_close_ int to = stage_scratch(root, err);
	uint8_t digest[32] = { 0 };
	struct stat st;
	uint64_t len;

	if (to < 0)
		return -1;
	if (fstat(from, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(err, EXIT_STATUS_DATA, "%s: what was handed over is not a file",
			       package->title);
	if (package->size == 0 || package->size > BYTES_MAX)
		return err_set(err, EXIT_STATUS_DATA, "%s: a size of %llu bytes is not accepted",
			       package->title, (unsigned long long)package->size);
	if (copy(from, to, package, &len, digest, err) < 0)
		return -1;
	if (len != package->size)
		return err_set(err, EXIT_STATUS_DATA, "%s: the file does not have %llu bytes",
			       package->title, (unsigned long long)package->size);
	if (memcmp(digest, package->sha256, sizeof(digest)) != 0)
		return err_set(err, EXIT_STATUS_DATA,
			       "%s: the file does not have the checksum that the repository "
			       "states",
			       package->title);
	return TAKE_FD(to);
}
