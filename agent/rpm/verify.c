// SPDX-License-Identifier: Apache-2.0
#include "rpm/verify.h"

#include "base/alloc.h"
#include "base/fsx.h"
#include "rpm/messages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <rpm/header.h>
#include <rpm/rpmcli.h>
#include <rpm/rpmkeyring.h>
#include <rpm/rpmlib.h>
#include <rpm/rpmlog.h>
#include <rpm/rpmpgp.h>

/* Only root may add a key: a file that others can write proves nothing. */
static int add_key(rpmKeyring keyring, int dir, const char *name, const char *folder,
		   struct err *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ char *path = NULL;
	struct stat st;
	rpmPubkey key;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_errno(err, EXIT_STATUS_CONFIG, errno, "key %s/%s", folder, name);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return err_set(err, EXIT_STATUS_CONFIG,
			       "key %s/%s: must be a file that root owns and nobody else may "
			       "write",
			       folder, name);
	path = xasprintf("/proc/self/fd/%d", fd);
	key = rpmPubkeyRead(path);
	if (!key)
		return err_set(err, EXIT_STATUS_CONFIG, "key %s/%s: is no OpenPGP public key",
			       folder, name);
	r = rpmKeyringAddKey(keyring, key); /* 1: it is there already */
	rpmPubkeyFree(key);
	return r < 0 ? err_set(err, EXIT_STATUS_CONFIG, "key %s/%s: rpm does not take it", folder,
			       name)
		     : 0;
}

int verify_load_keys(rpmts ts, int root, const char *folder, struct err *err)
{
	_cleanup_close_ int dir = fsx_open_at(root, folder, O_RDONLY | O_DIRECTORY);
	_cleanup_(fsx_names_freep)
	struct fsx_names *names = NULL;
	rpmKeyring keyring;
	int r = 0;

	messages_begin();
	keyring = rpmtsGetKeyring(ts, 1);
	if (!keyring)
		return err_set(err, EXIT_STATUS_DATA,
			       "the keys in the rpm database cannot be read: %s", messages_take());
	if (dir >= 0 && fsx_list_at(dir, ".", NULL, &names) == 0)
		for (size_t i = 0; r == 0 && i < names->n; i++)
			r = add_key(keyring, dir, names->items[i], folder, err);
	rpmKeyringFree(keyring);
	return r;
}

static bool has_signature(Header h)
{
	static const rpmTagVal tags[] = { RPMTAG_RSAHEADER, RPMTAG_DSAHEADER, RPMTAG_SIGPGP,
					  RPMTAG_SIGGPG };

	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (headerIsEntry(h, tags[i]))
			return true;
	return false;
}

/* Since 4.14.2 the level is the transaction's; before, the call checks all there is. */
static void set_level(rpmts ts, bool allow_unsigned)
{
#ifdef RPMSIG_VERIFIABLE_TYPE /* the enumeration itself cannot be asked for */
	rpmtsSetVfyLevel(ts, allow_unsigned ? RPMSIG_DIGEST_TYPE
					    : RPMSIG_SIGNATURE_TYPE | RPMSIG_DIGEST_TYPE);
#else
	(void)ts;
	(void)allow_unsigned;
#endif
}

static int check_all(rpmts ts, FD_t fd, const char *label, struct err *err)
{
	struct rpmQVKArguments_s qva = { .qva_flags = 0 };
	int r;

#ifdef VERIFY_SIGNATURE
	qva.qva_flags = VERIFY_SIGNATURE | VERIFY_DIGEST;
#endif
	messages_begin();
	rpmSetVerbosity(RPMLOG_INFO); /* else it does not say which signature, and why */
	r = rpmVerifySignatures(&qva, ts, fd, label);
	rpmSetVerbosity(RPMLOG_NOTICE);
	return r == 0 ? 0
		      : err_set(err, EXIT_STATUS_DATA, "%s: its signature is not accepted: %s",
				label, messages_take());
}

int verify_package(rpmts ts, int fd, const char *label, bool allow_unsigned, Header *ret,
		   struct err *err)
{
	FD_t file = fdDup(fd);
	Header h = NULL;
	bool good;
	rpmRC rc;
	int r = -1;

	set_level(ts, allow_unsigned);
	if (lseek(fd, 0, SEEK_SET) < 0 || !file) {
		err_set_errno(err, EXIT_STATUS_IO, errno, "%s", label);
		goto out;
	}
	good = check_all(ts, file, label, err) == 0;
	lseek(fd, 0, SEEK_SET);
	rc = rpmReadPackageFile(ts, file, label, &h);
	if (h && !has_signature(h) && !allow_unsigned)
		err_set(err, EXIT_STATUS_DATA,
			"%s: is not signed; only signed packages are installed", label);
	else if (!good)
		;		 /* said already */
	else if (rc != RPMRC_OK) /* NOKEY and NOTTRUSTED too */
		err_set(err, EXIT_STATUS_DATA, "%s: %s: %s", label,
			rc == RPMRC_NOKEY ? "signed by an unknown key" : "not a good package",
			messages_take());
	else
		r = 0;
out:
	if (r == 0)
		*ret = h;
	else
		headerFree(h);
	if (file)
		Fclose(file);
	return r;
}
