// SPDX-License-Identifier: Apache-2.0
/*
 * ssm: reports to AWS Systems Manager, and from it a baseline and documents
 *
 *   publish: custom               custom: PutComplianceItems under compliance_type. patch:
 *                                 PutInventory as Patch Manager itself, which replaces all that it
 *                                 reported of this node: only where klpd alone patches. no: it only
 *                                 fetches
 *   compliance_type: Custom:KernelLivePatch
 *   region, instance_id           where the node does not know them itself
 *   fips: no, dual_stack: no      which of AWS's endpoints
 *   endpoint, s3_endpoint         others, such as https://vpce-....ssm.eu-west-1.vpce.amazonaws.com
 *   metadata: http://169.254.169.254
 *   agent: /var/lib/amazon/ssm/runtimeconfig/identity_config.json
 *
 * Who the node is and by which keys it says so: ssm_identity.h. A node that is nobody's at AWS
 * keeps its reports to itself, which is no error.
 */
#include "aws_sign.h"
#include "common.h"
#include "ssm_call.h"
#include "ssm_items.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define METADATA_DEFAULT "http://169.254.169.254"
#define AGENT_DEFAULT	 "/var/lib/amazon/ssm/runtimeconfig/identity_config.json"
#define TYPE_DEFAULT	 "Custom:KernelLivePatch"

struct ssm {
	const struct klpd_host *host;
	bool quiet, patch; /* publish */
	const char *type;
	struct places places;
	struct endpoints endpoints;
};

/* ---- settings ---------------------------------------------------------------------------------*/

static int take_switch(const struct ssm *s, const struct klpd_setting *settings, size_t n,
		       const char *key, bool *ret)
{
	const char *value = common_setting(settings, n, key, "no");

	*ret = strcmp(value, "yes") == 0 || strcmp(value, "true") == 0;
	return *ret || strcmp(value, "no") == 0 || strcmp(value, "false") == 0
		       ? KLPD_OK
		       : common_explain(s->host, KLPD_WRONG, "%s: yes or no is meant", key);
}

/* Keys go by TLS or stay on the machine. */
static int check_url(const struct ssm *s, const char *key, const char *url)
{
	static const char *const local[] = { "http://127.0.0.1", "http://localhost",
					     "http://[::1]" };
	size_t len = url ? strlen(url) : 0;
	bool ok = !url || (strncmp(url, "https://", 8) == 0 && url[8]);

	for (size_t i = 0; !ok && i < sizeof(local) / sizeof(local[0]); i++)
		ok = strncmp(url, local[i], strlen(local[i])) == 0 &&
		     (!url[strlen(local[i])] || url[strlen(local[i])] == ':');
	if (ok && len && (url[len - 1] == '/' || strchr(strstr(url, "//") + 2, '/')))
		ok = false;
	return ok ? KLPD_OK
		  : common_explain(s->host, KLPD_WRONG, "%s: https://HOST is meant, without a path",
				   key);
}

static bool is_word(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				 "_-")] == '\0' &&
	       *text;
}

/* What becomes part of a host's name or of what AWS checks. */
static int check_names(const struct ssm *s)
{
	const char *custom = strncmp(s->type, "Custom:", 7) == 0 ? s->type + 7 : "";

	if (!is_word(custom) || strlen(custom) < 2 || strlen(s->type) > 100)
		return common_explain(s->host, KLPD_WRONG,
				      "compliance_type: Custom:NAME is meant, not %s", s->type);
	if (s->places.region && !is_word(s->places.region))
		return common_explain(s->host, KLPD_WRONG, "region: %s is no name of one",
				      s->places.region);
	if (s->places.instance_id && !is_word(s->places.instance_id))
		return common_explain(s->host, KLPD_WRONG, "instance_id: %s is none",
				      s->places.instance_id);
	return KLPD_OK;
}

static int open_ssm(const struct klpd_host *host, const struct klpd_setting *settings, size_t n,
		    void **ret)
{
	static const char *const keys[] = {
		"publish",  "compliance_type", "region",   "instance_id", "fips", "dual_stack",
		"endpoint", "s3_endpoint",     "metadata", "agent",	  NULL
	};
	static struct ssm ssm;
	const char *publish = common_setting(settings, n, "publish", "custom");

	ssm = (struct ssm){
		.host = host,
		.quiet = strcmp(publish, "no") == 0,
		.patch = strcmp(publish, "patch") == 0,
		.type = common_setting(settings, n, "compliance_type", TYPE_DEFAULT),
		.places = { .instance_id = common_setting(settings, n, "instance_id", NULL),
			    .region = common_setting(settings, n, "region", NULL),
			    .agent = common_setting(settings, n, "agent", AGENT_DEFAULT),
			    .metadata = common_setting(settings, n, "metadata", METADATA_DEFAULT) },
		.endpoints = { .url = common_setting(settings, n, "endpoint", NULL),
			       .s3_url = common_setting(settings, n, "s3_endpoint", NULL) },
	};
	*ret = &ssm;
	if (common_check_keys(host, settings, n, keys) < 0 ||
	    take_switch(&ssm, settings, n, "fips", &ssm.endpoints.fips) < 0 ||
	    take_switch(&ssm, settings, n, "dual_stack", &ssm.endpoints.dual_stack) < 0 ||
	    check_url(&ssm, "endpoint", ssm.endpoints.url) < 0 ||
	    check_url(&ssm, "s3_endpoint", ssm.endpoints.s3_url) < 0 || check_names(&ssm) < 0 ||
	    common_check_path(host, "agent", ssm.places.agent) < 0)
		return KLPD_WRONG;
	if (!ssm.patch && !ssm.quiet && strcmp(publish, "custom") != 0)
		return common_explain(host, KLPD_WRONG,
				      "publish: custom, patch or no is meant, not %s", publish);
	return KLPD_OK;
}

/* ---- who we are -------------------------------------------------------------------------------*/

/* KLPD_OK with *@ret_local: nobody at AWS, and nothing points there. */
static int find_identity(const struct ssm *s, struct identity *identity, bool *ret_local)
{
	identity_find(s->host, &s->places, identity);
	*ret_local = !identity->key && !identity->trouble;
	if (identity_complete(identity) || *ret_local)
		return KLPD_OK;
	if (!identity->key)
		return common_explain(s->host, KLPD_RETRY, "there are no keys of AWS: %s",
				      identity->trouble);
	return common_explain(s->host, KLPD_WRONG,
			      "%s of this node is not known; name it in the plugin's settings",
			      identity->region ? "instance_id" : "region");
}

static struct call call_of(const struct ssm *s, struct identity *identity)
{
	return (struct call){ .host = s->host,
			      .places = &s->places,
			      .endpoints = &s->endpoints,
			      .identity = identity };
}

static int result_of(enum call_end end)
{
	return end == CALL_OK ? KLPD_OK : end == CALL_RETRY ? KLPD_RETRY : KLPD_DROP;
}

/* ---- what is kept between reports -------------------------------------------------------------*/

static char *path_of(const struct ssm *s, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", s->host->directory, name) < 0 ? NULL : path;
}

/* A word of at most @size - 1 characters; "" none. */
static void recall(const struct ssm *s, const char *name, char *word, size_t size)
{
	char *path = path_of(s, name);
	FILE *file = path ? fopen(path, "re") : NULL;

	if (!file || !fgets(word, (int)size, file))
		word[0] = '\0';
	word[strcspn(word, "\n")] = '\0';
	if (file)
		fclose(file);
	free(path);
}

/* Lost, it costs a longer upload. */
static void remember(const struct ssm *s, const char *name, const char *word)
{
	char *path = path_of(s, name);

	if (path)
		(void)common_write(s->host, path, word, strlen(word));
	free(path);
}

#define HASH_FILE  "uploaded"
#define GROUP_FILE "patch-group"
#define GROUP_SIZE 257

/* ---- publishing -------------------------------------------------------------------------------*/

static void say(const struct ssm *s, const char *severity, const char *text)
{
	s->host->log(severity, text);
}

static enum call_end put(const struct ssm *s, struct call *call, const struct klpd_report *report,
			 const struct items_wanted *wanted, char hash[ITEMS_HASH_SIZE])
{
	char *body = s->patch ? items_inventory(report, wanted, hash)
			      : items_compliance(report, wanted, hash);
	char *answer = NULL;
	enum call_end end;

	if (!body) {
		common_explain(s->host, 0, "out of memory");
		return CALL_RETRY;
	}
	end = strlen(body) > ITEMS_BYTES_MAX
		      ? CALL_SMALLER
		      : call_ssm(call, s->patch ? "PutInventory" : "PutComplianceItems", body,
				 &answer);
	free(body);
	free(answer);
	return end;
}

static int upload(const struct ssm *s, struct call *call, const struct klpd_report *report)
{
	char group[GROUP_SIZE], last[ITEMS_HASH_SIZE], hash[ITEMS_HASH_SIZE];
	struct items_wanted wanted = { .instance_id = call->identity->instance_id,
				       .compliance_type = s->type,
				       .patch_group = group };
	enum call_end end;

	recall(s, GROUP_FILE, group, sizeof(group));
	recall(s, HASH_FILE, last, sizeof(last));
	if (s->patch && *last) { /* what AWS has already is not sent again */
		free(items_inventory(report, &wanted, hash));
		wanted.by_hash = strcmp(hash, last) == 0;
	}
	end = put(s, call, report, &wanted, hash);
	if (end == CALL_FULL && wanted.by_hash) {
		wanted.by_hash = false;
		end = put(s, call, report, &wanted, hash);
	}
	if (end == CALL_SMALLER) {
		say(s, "warning",
		    "the report is too large for AWS Systems Manager; it goes there without CVEs");
		wanted.without_cves = true;
		end = put(s, call, report, &wanted, hash);
	}
	if (end == CALL_SMALLER || end == CALL_FULL)
		return common_explain(s->host, KLPD_DROP,
				      "AWS Systems Manager does not take the report: %s",
				      end == CALL_FULL ? "its content is not what it expects"
						       : "it is too large even without CVEs");
	if (end == CALL_OK && s->patch)
		remember(s, HASH_FILE, hash);
	return result_of(end);
}

static int publish_ssm(void *state, const struct klpd_report *report)
{
	const struct ssm *s = state;
	struct identity identity;
	bool local;
	int r;

	if (s->quiet)
		return KLPD_OK;
	r = find_identity(s, &identity, &local);
	if (r == KLPD_OK && local) {
		say(s, "info", "no keys of AWS: this report stays on the node");
	} else if (r == KLPD_OK && s->patch && strcmp(report->overall, "UNKNOWN") == 0) {
		say(s, "warning",
		    "what is not known is no patch compliance: this report is not "
		    "uploaded, and AWS goes on showing the last one");
	} else if (r == KLPD_OK) {
		struct call call = call_of(s, &identity);

		r = upload(s, &call, report);
	}
	identity_clear(&identity);
	return r;
}

/* ---- the baseline -----------------------------------------------------------------------------*/

#define SNAPSHOT_MAX ((size_t)64 * 1024 * 1024)

/* Whatever it is, plain or by gzip; to be freed. */
static char *unpacked(const char *data, size_t len)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)data, .avail_in = (unsigned int)len };
	size_t size = 0;
	char *text = NULL;
	int r = Z_OK;

	if (len < 2 || memcmp(data, "\x1f\x8b", 2) != 0)
		return strndup(data, len);
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
		return NULL;
	while (r == Z_OK && size < SNAPSHOT_MAX) {
		size_t more = size ? size : 64 * 1024;
		char *longer = realloc(text, size + more + 1);

		if (!longer)
			break;
		text = longer;
		z.next_out = (unsigned char *)text + size;
		z.avail_out = (unsigned int)more;
		r = inflate(&z, Z_NO_FLUSH);
		size += more - z.avail_out;
	}
	inflateEnd(&z);
	if (r != Z_STREAM_END) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* The snapshot's baseline as text; the patch group is remembered for the next upload. */
static char *baseline_in(const struct ssm *s, const char *data, size_t len)
{
	char *text = unpacked(data, len), *made = NULL;
	json_t *snapshot = text ? json_loads(text, 0, NULL) : NULL;
	json_t *baseline = json_object_get(snapshot, "patchBaseline");
	const char *group = json_string_value(json_object_get(snapshot, "patchGroup"));

	if (json_is_object(baseline))
		made = json_dumps(baseline, JSON_COMPACT);
	if (made)
		remember(s, GROUP_FILE, group ? group : "");
	json_decref(snapshot);
	free(text);
	return made;
}

static int fetch_snapshot(const struct ssm *s, struct call *call, const char *id, char **ret)
{
	char *answer = NULL, *data = NULL;
	size_t len;
	json_t *request =
		json_pack("{s:s,s:s}", "InstanceId", call->identity->instance_id, "SnapshotId", id);
	char *body = json_dumps(request, JSON_COMPACT);
	enum call_end end = call_ssm(call, "GetDeployablePatchSnapshotForInstance", body, &answer);
	json_t *said = answer ? json_loads(answer, 0, NULL) : NULL;
	const char *url = json_string_value(json_object_get(said, "SnapshotDownloadUrl"));

	json_decref(request);
	free(body);
	free(answer);
	if (end == CALL_OK && url)
		end = call_get(call, url, SNAPSHOT_MAX, &data, &len);
	*ret = end == CALL_OK && url ? baseline_in(s, data, len) : NULL;
	if (end == CALL_OK && !*ret)
		common_explain(s->host, 0, "GetDeployablePatchSnapshotForInstance: %s",
			       url ? "the snapshot is no baseline" : "AWS names no snapshot");
	json_decref(said);
	free(data);
	return *ret ? KLPD_OK : KLPD_RETRY;
}

static int with_identity(const struct ssm *s, struct identity *identity)
{
	bool local;
	int r = find_identity(s, identity, &local);

	return r == KLPD_OK && local
		       ? common_explain(s->host, KLPD_RETRY,
					"there are no keys of AWS: is this a managed node?")
		       : r;
}

static int fetch_baseline_ssm(void *state, const struct klpd_report *node, char **ret)
{
	const struct ssm *s = state;
	struct identity identity;
	int r = with_identity(s, &identity);

	if (r == KLPD_OK) {
		struct call call = call_of(s, &identity);

		r = fetch_snapshot(s, &call, *node->snapshot_id ? node->snapshot_id : node->id,
				   ret);
	}
	identity_clear(&identity);
	return r;
}

static int fetch_document_ssm(void *state, const char *url, size_t max, char **ret, size_t *ret_len)
{
	const struct ssm *s = state;
	struct identity identity;
	int r = with_identity(s, &identity);

	if (r == KLPD_OK) {
		struct call call = call_of(s, &identity);

		r = result_of(call_get(&call, url, max, ret, ret_len));
	}
	identity_clear(&identity);
	return r;
}

const struct klpd_plugin klpd_plugin = {
	.abi = KLPD_PLUGIN_ABI,
	.needs = KLPD_NEEDS_NETWORK,
	.size = sizeof(klpd_plugin),
	.text = "AWS Systems Manager: compliance, inventory, baselines",
	.open = open_ssm,
	.publish = publish_ssm,
	.fetch_baseline = fetch_baseline_ssm,
	.fetch_document = fetch_document_ssm,
};
