// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * A report as AWS Systems Manager takes it
 *
 * Attributes, spellings, order, counts and limits are those of AWS's own patching (semantics 4.2 to
 * 4.4), where `Severity` is the compliance level of the rule and `PatchSeverity` that of the
 * notice. What is longer than it may be is cut, and says so in its DetailedText.
 */

#include "klpd-plugin.h"

#include <stdbool.h>

#define ITEMS_HASH_SIZE 65
#define ITEMS_BYTES_MAX ((size_t)1024 * 1024) /* of a request, and of an item */
#define ITEMS_VALUE_MAX 4096
#define ITEMS_TITLE_MAX 500
#define ITEMS_LIST_MAX	256

struct items_wanted {
	const char *instance_id;
	const char *compliance_type; /* "Custom:KernelLivePatch" */
	const char *patch_group;     /* "" none */
	bool without_cves;
	bool by_hash; /* PutInventory: the items as the hash of what AWS has already */
};

/*
 * The body of PutComplianceItems, or of PutInventory with AWS:PatchSummary and AWS:ComplianceItem.
 * To be freed; NULL when memory is short. It may be longer than ITEMS_BYTES_MAX.
 * @hash: of the items, whatever was asked for
 */
char *items_compliance(const struct klpd_report *report, const struct items_wanted *wanted,
		       char hash[ITEMS_HASH_SIZE]);
char *items_inventory(const struct klpd_report *report, const struct items_wanted *wanted,
		      char hash[ITEMS_HASH_SIZE]);
