// SPDX-License-Identifier: Apache-2.0
#include "codec/snapshot.h"
#include "codec/shape.h"

#include <stdio.h>

/*
 * The tables below are the schema: docs/klpd.snapshot-1.schema.json says the same for people and
 * other programs, and a test holds the two together.
 */

#define SNAPSHOT_SCHEMA "klpd.snapshot/1"

enum {
	MODULES_MAX = 1000,
	INSTALLED_MAX = 100000,
	REPOSITORIES_MAX = 256,
	EXCLUDES_MAX = 10000,
	ADVISORIES_MAX = 200000,
	REFS_MAX = 20000,
	PACKAGES_MAX = 200000,
};

#define FIELD(struct_, member, type_)                                                              \
	.key = #member, .type = &(type_), .offset = offsetof(struct_, member)
#define FIELD_AS(key_, struct_, member, type_)                                                     \
	.key = (key_), .type = &(type_), .offset = offsetof(struct_, member)
#define LIST(struct_, member, type_, max_)                                                         \
	.key = #member, .type = &(type_), .offset = offsetof(struct_, member),                     \
	.count_offset = offsetof(struct_, n_##member), .max = (max_)
#define OBJECT(struct_, table) sizeof(struct_), table, ARRAY_SIZE(table)

/* What the write functions need to know of the document. */
struct writing {
	const struct snapshot *snapshot;
	struct arena *arena;
};

/* ---- scalars of this document ------------------------------------------------------------------
 */

static json_t *schema_write(const void *value _unused_, const void *context _unused_)
{
	return json_string(SNAPSHOT_SCHEMA);
}

static int schema_read(struct shape_reader *reader, const json_t *json, void *value _unused_)
{
	if (!json_is_string(json) || !streq(json_string_value(json), SNAPSHOT_SCHEMA))
		return shape_err(reader, "must be \"%s\"", SNAPSHOT_SCHEMA);
	return 0;
}

static json_t *nevra_write(const void *value, const void *context)
{
	const struct writing *writing = context;

	return jsonx_text(nevra_title(writing->arena, value));
}

/* "name.arch:epoch:version-release". The name may hold dots and dashes, hence from the right. */
static int title_split(char *title, struct nevra *ret)
{
	char *epoch = strchr(title, ':'), *version = epoch ? strchr(epoch + 1, ':') : NULL;
	char *release = version ? strrchr(version, '-') : NULL, *arch, *end;
	unsigned long long number;

	if (!release)
		return -1;
	*epoch++ = *version++ = *release++ = '\0';
	arch = strrchr(title, '.');
	if (!arch || strspn(epoch, "0123456789") != strlen(epoch) || strlen(epoch) > 10)
		return -1;
	*arch++ = '\0';
	number = strtoull(epoch, &end, 10);
	if (end == epoch || number > UINT32_MAX || !*version || !*release || !*arch || !*title)
		return -1;
	if (strpbrk(version, ":-") || strchr(release, ':'))
		return -1;
	*ret = (struct nevra){ title, { (uint32_t)number, version, release }, arch };
	return 0;
}

static int nevra_read(struct shape_reader *reader, const json_t *json, void *value)
{
	char *title = arena_strdup(reader->arena, json_string_value(json));
	struct nevra nevra;

	if (!title || title_split(title, &nevra) < 0 || !nevra_is_sane(&nevra))
		return shape_err(reader,
				 "must be a package as \"name.arch:epoch:version-release\"");
	*(struct nevra *)value = nevra;
	return 0;
}

static json_t *date_write(const void *value, const void *context _unused_)
{
	const struct advisory_date *date = value;

	if (date->state == NOTICE_DATE_INVALID)
		return json_string("invalid");
	return jsonx_time(date->state == NOTICE_DATE_VALID ? date->at : TIME_UNSET);
}

static int date_read(struct shape_reader *reader, const json_t *json, void *value)
{
	struct advisory_date date = { NOTICE_DATE_ABSENT, TIME_UNSET };
	const char *text = json_string_value(json);

	if (text && streq(text, "invalid")) {
		date.state = NOTICE_DATE_INVALID;
	} else if (!json_is_null(json)) {
		if (shape_parse_time(reader, json, &date.at) < 0)
			return -1;
		date.state = NOTICE_DATE_VALID;
	}
	*(struct advisory_date *)value = date;
	return 0;
}

static json_t *role_write(const void *value, const void *context _unused_)
{
	return json_string(repo_role_name(*(const enum repo_role *)value));
}

static int role_read(struct shape_reader *reader, const json_t *json, void *value)
{
	int role = json_is_string(json) ? repo_role_from_name(json_string_value(json)) : -1;

	if (role < 0)
		return shape_err(reader, "must be \"livepatch\" or \"kernel\"");
	*(enum repo_role *)value = (enum repo_role)role;
	return 0;
}

static json_t *status_write(const void *value, const void *context _unused_)
{
	return json_string(repo_status_name(*(const enum repo_status *)value));
}

static int status_read(struct shape_reader *reader, const json_t *json, void *value)
{
	int status = json_is_string(json) ? repo_status_from_name(json_string_value(json)) : -1;

	if (status < 0)
		return shape_err(reader, "must be one of ok, stale, unreachable, invalid, disabled "
					 "and absent");
	*(enum repo_status *)value = (enum repo_status)status;
	return 0;
}

static json_t *severity_write(const void *value, const void *context _unused_)
{
	return json_string(finding_severity_name(*(const enum finding_severity *)value));
}

static int severity_read(struct shape_reader *reader, const json_t *json, void *value)
{
	const char *text = json_string_value(json);

	for (int i = FINDING_INFO; text && i <= FINDING_ERROR; i++) {
		if (streq(text, finding_severity_name((enum finding_severity)i))) {
			*(enum finding_severity *)value = (enum finding_severity)i;
			return 0;
		}
	}
	return shape_err(reader, "must be one of info, warning and error");
}

/* A repository by its id instead of by its place in the list; the list is read first. */
static json_t *repository_index_write(const void *value, const void *context)
{
	const struct writing *writing = context;
	const struct catalogue *catalogue = &writing->snapshot->catalogue;

	return jsonx_text(catalogue->repositories[*(const size_t *)value].id);
}

static int repository_index_read(struct shape_reader *reader, const json_t *json, void *value)
{
	const struct snapshot *snapshot = reader->context;
	const struct catalogue *catalogue = &snapshot->catalogue;
	const char *id = json_string_value(json);

	for (size_t i = 0; id && i < catalogue->n_repositories; i++) {
		if (streq(catalogue->repositories[i].id, id)) {
			*(size_t *)value = i;
			return 0;
		}
	}
	return shape_err(reader, "must be the id of one of the repositories above");
}

static const struct shape_field ref_fields[] = {
	{ FIELD(struct advisory_ref, type, shape_string), .required = true },
	{ FIELD(struct advisory_ref, id, shape_name), .required = true },
};
static const struct shape_type ref_object = { OBJECT(struct advisory_ref, ref_fields) };

/* Nearly every reference is a CVE: the id alone stands for one. */
static json_t *ref_write(const void *value, const void *context)
{
	const struct advisory_ref *ref = value;

	return streq(ref->type, "cve") ? jsonx_text(ref->id)
				       : shape_write(&ref_object, value, context);
}

static int ref_read(struct shape_reader *reader, const json_t *json, void *value)
{
	struct advisory_ref *ref = value;

	if (!json_is_string(json))
		return shape_read(reader, &ref_object, json, value);
	ref->type = "cve";
	return shape_name.read(reader, json, &ref->id);
}

static const struct shape_type schema = { 0, .write = schema_write, .read = schema_read };
static const struct shape_type nevra = { sizeof(struct nevra), .write = nevra_write,
					 .read = nevra_read };
static const struct shape_type date = { sizeof(struct advisory_date), .write = date_write,
					.read = date_read };
static const struct shape_type role = { sizeof(enum repo_role), .write = role_write,
					.read = role_read };
static const struct shape_type status = { sizeof(enum repo_status), .write = status_write,
					  .read = status_read };
static const struct shape_type severity = { sizeof(enum finding_severity), .write = severity_write,
					    .read = severity_read };
static const struct shape_type repository_index = { sizeof(size_t), .write = repository_index_write,
						    .read = repository_index_read };
static const struct shape_type ref = { sizeof(struct advisory_ref), .write = ref_write,
				       .read = ref_read };

/* ---- the node ----------------------------------------------------------------------------------
 */

static void module_defaults(void *value)
{
	*(struct livepatch_module *)value = (struct livepatch_module){
		.enabled = 1,
		.transition = 0,
		.replace = -1,
	};
}

static const struct shape_field module_fields[] = {
	{ FIELD(struct livepatch_module, name, shape_name), .required = true },
	{ FIELD(struct livepatch_module, enabled, shape_flag) },
	{ FIELD(struct livepatch_module, transition, shape_flag) },
	{ FIELD(struct livepatch_module, replace, shape_flag) },
};
static const struct shape_type module = { OBJECT(struct livepatch_module, module_fields),
					  .defaults = module_defaults };

static void installed_defaults(void *value)
{
	struct installed *installed = value;

	installed->build_time = installed->install_time = TIME_UNSET;
}

static const struct shape_field installed_fields[] = {
	{ FIELD_AS("package", struct installed, nevra, nevra), .required = true },
	{ FIELD(struct installed, build_time, shape_time) },
	{ FIELD(struct installed, install_time, shape_time) },
	{ LIST(struct installed, modules, shape_name, MODULES_MAX) },
};
static const struct shape_type installed = { OBJECT(struct installed, installed_fields),
					     .defaults = installed_defaults };

static void node_defaults(void *value)
{
	*(struct node *)value = (struct node){
		.kernel_build_date = TIME_UNSET,
		.boot_time = TIME_UNSET,
		.is_running_system = true,
		.rpmdb_read = true,
		.livepatch_sysfs = true,
		.kpatch_service_enabled = TRISTATE_UNKNOWN,
	};
}

static const struct shape_field node_fields[] = {
	{ FIELD(struct node, os_id, shape_text) },
	{ FIELD(struct node, os_version, shape_text) },
	{ FIELD(struct node, os_name, shape_text) },
	{ FIELD(struct node, releasever, shape_text) },
	{ FIELD(struct node, arch, shape_text) },
	{ FIELD(struct node, kernel, shape_text) },
	{ FIELD(struct node, kernel_version, shape_text) },
	{ FIELD(struct node, kernel_build_date, shape_time) },
	{ FIELD(struct node, boot_id, shape_text) },
	{ FIELD(struct node, boot_time, shape_time) },
	{ FIELD_AS("running_system", struct node, is_running_system, shape_bool) },
	{ FIELD(struct node, rpmdb_read, shape_bool) },
	{ FIELD(struct node, livepatch_sysfs, shape_bool) },
	{ FIELD(struct node, kpatch_service_enabled, shape_tristate) },
	{ LIST(struct node, modules, module, MODULES_MAX) },
	{ LIST(struct node, installed, installed, INSTALLED_MAX) },
	{ FIELD(struct node, instance_id, shape_text) },
	{ FIELD(struct node, region, shape_text) },
};
static const struct shape_type node = { OBJECT(struct node, node_fields),
					.defaults = node_defaults };

/* ---- the catalogue -----------------------------------------------------------------------------
 */

static void repository_defaults(void *value)
{
	*(struct repository *)value = (struct repository){
		.status = REPO_OK,
		.fetched = TIME_UNSET,
		.updateinfo_read = true,
	};
}

static const struct shape_field repository_fields[] = {
	{ FIELD(struct repository, id, shape_name), .required = true },
	{ FIELD(struct repository, role, role), .required = true },
	{ FIELD(struct repository, status, status) },
	{ FIELD(struct repository, revision, shape_text) },
	{ FIELD(struct repository, checksum, shape_text) },
	{ FIELD(struct repository, fetched, shape_time) },
	{ FIELD(struct repository, updateinfo_read, shape_bool) },
	{ FIELD(struct repository, primary_read, shape_bool) },
	{ LIST(struct repository, excludes, shape_name, EXCLUDES_MAX) },
};
static const struct shape_type repository = { OBJECT(struct repository, repository_fields),
					      .defaults = repository_defaults };

static void advisory_defaults(void *value)
{
	struct advisory *advisory = value;

	advisory->issued.at = advisory->updated.at = TIME_UNSET;
}

static const struct shape_field advisory_fields[] = {
	{ FIELD(struct advisory, id, shape_name), .required = true },
	{ FIELD_AS("repository", struct advisory, repo, repository_index), .required = true },
	{ FIELD(struct advisory, type, shape_text) },
	{ FIELD(struct advisory, severity, shape_text) },
	{ FIELD(struct advisory, status, shape_text) },
	{ FIELD(struct advisory, title, shape_text) },
	{ FIELD(struct advisory, issued, date) },
	{ FIELD(struct advisory, updated, date) },
	{ LIST(struct advisory, refs, ref, REFS_MAX) },
	{ LIST(struct advisory, packages, nevra, PACKAGES_MAX) },
};
static const struct shape_type advisory = { OBJECT(struct advisory, advisory_fields),
					    .defaults = advisory_defaults };

static void available_defaults(void *value)
{
	((struct available *)value)->build_time = TIME_UNSET;
}

static const struct shape_field available_fields[] = {
	{ FIELD_AS("package", struct available, nevra, nevra), .required = true },
	{ FIELD_AS("repository", struct available, repo, repository_index), .required = true },
	{ FIELD(struct available, build_time, shape_time) },
};
static const struct shape_type available = { OBJECT(struct available, available_fields),
					     .defaults = available_defaults };

static void finding_defaults(void *value)
{
	*(struct finding *)value = (struct finding){ .subject = "", .message = "" };
}

static const struct shape_field finding_fields[] = {
	{ FIELD(struct finding, code, shape_name), .required = true },
	{ FIELD(struct finding, severity, severity) },
	{ FIELD(struct finding, subject, shape_string) },
	{ FIELD(struct finding, message, shape_string) },
};
static const struct shape_type finding = { OBJECT(struct finding, finding_fields),
					   .defaults = finding_defaults };

/* ---- the document ------------------------------------------------------------------------------
 */

#define CATALOGUE_LIST(member, type_, max_)                                                        \
	.key = #member, .type = &(type_), .offset = offsetof(struct snapshot, catalogue.member),   \
	.count_offset = offsetof(struct snapshot, catalogue.n_##member), .max = (max_)

/* Repositories stand before what names them. */
static const struct shape_field snapshot_fields[] = {
	{ .key = "schema", .type = &schema, .required = true },
	{ FIELD(struct snapshot, captured, shape_time) },
	{ FIELD(struct snapshot, node, node) },
	{ CATALOGUE_LIST(repositories, repository, REPOSITORIES_MAX) },
	{ CATALOGUE_LIST(advisories, advisory, ADVISORIES_MAX) },
	{ CATALOGUE_LIST(packages, available, PACKAGES_MAX) },
	{ .key = "findings",
	  .type = &finding,
	  .offset = offsetof(struct snapshot, findings.items),
	  .count_offset = offsetof(struct snapshot, findings.n),
	  .max = FINDINGS_MAX },
};
static const struct shape_type snapshot_type = { OBJECT(struct snapshot, snapshot_fields) };

json_t *codec_snapshot_to_json(const struct snapshot *snapshot)
{
	_cleanup_(arena_freep)
	struct arena *arena = arena_new();
	struct writing writing = { snapshot, arena };

	jsonx_init();
	return shape_write(&snapshot_type, snapshot, &writing);
}

/*
 * A few bytes of text become a hundred of tree ("[[],[],..."), and a parser recurses: both are
 * bounded before the parser sees the text. Syntax is not this function's business.
 */
static int check_limits(const char *text, size_t len, const char *file, struct err *err)
{
	size_t depth = 0, values = 1;
	bool in_string = false;

	if (len > SNAPSHOT_BYTES_MAX)
		return err_set(err, EXIT_STATUS_DATA, "%s: larger than the limit of %zu MiB", file,
			       SNAPSHOT_BYTES_MAX / 1024 / 1024);
	for (size_t i = 0; i < len; i++) {
		if (in_string && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			in_string = !in_string;
		else if (in_string)
			continue;
		else if (text[i] == '[' || text[i] == '{')
			depth++, values++;
		else if ((text[i] == ']' || text[i] == '}') && depth > 0)
			depth--;
		else if (text[i] == ',')
			values++;
		if (depth > SNAPSHOT_DEPTH_MAX)
			return err_set(err, EXIT_STATUS_DATA,
				       "%s: nested deeper than the limit of %d levels", file,
				       SNAPSHOT_DEPTH_MAX);
		if (values > SNAPSHOT_VALUES_MAX)
			return err_set(err, EXIT_STATUS_DATA,
				       "%s: more than the limit of %zu values", file,
				       SNAPSHOT_VALUES_MAX);
	}
	return 0;
}

static int check_repositories(struct shape_reader *reader, const struct catalogue *catalogue)
{
	for (size_t i = 0; i < catalogue->n_repositories; i++) {
		for (size_t k = 0; k < i; k++) {
			const char *id = catalogue->repositories[i].id;

			if (!streq(id, catalogue->repositories[k].id))
				continue;
			snprintf(reader->path, sizeof(reader->path), "repositories[%zu].id", i);
			return shape_err(reader, "\"%.64s\" is there twice", id);
		}
	}
	return 0;
}

int codec_snapshot_parse(const char *text, size_t len, const char *file, struct snapshot **ret,
			 struct err *err)
{
	_cleanup_(snapshot_freep)
	struct snapshot *snapshot = snapshot_new();
	_cleanup_(json_decrefp)
	json_t *json = NULL;
	struct shape_reader reader = {
		.arena = snapshot->arena,
		.file = file,
		.err = err,
		.context = snapshot,
	};
	json_error_t error;

	jsonx_init();
	if (check_limits(text, len, file, err) < 0)
		return -1;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return err_set(err, EXIT_STATUS_DATA, "%s:%d: not a JSON document: %s", file,
			       error.line, error.text);
	if (shape_read(&reader, &snapshot_type, json, snapshot) < 0 ||
	    check_repositories(&reader, &snapshot->catalogue) < 0)
		return -1;
	*ret = TAKE_PTR(snapshot);
	return 0;
}
