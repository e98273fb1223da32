// SPDX-License-Identifier: Apache-2.0
#include "worker/verb.h"

#include "codec/jsonx.h"
#include "worker/gather.h"

/*
 * What the fetcher needs to know of the node: which repositories have which role, and the values
 * of yum's built-in variables. Null roles: no profile fits, there is nothing to fetch.
 */
int verb_probe(struct session *s, json_t **ret, struct err *err)
{
	const struct platform *p;
	json_t *roles;

	if (session_identify(s, err) < 0)
		return -1;
	gather_node(s);
	p = s->platform;
	roles = p ? json_pack("{s:o,s:o}", repo_role_name(REPO_ROLE_LIVEPATCH),
			      jsonx_texts(p->livepatch_repos, p->n_livepatch_repos),
			      repo_role_name(REPO_ROLE_KERNEL),
			      jsonx_texts(p->kernel_repos, p->n_kernel_repos))
		  : json_null();
	*ret = json_pack("{s:{s:o,s:o,s:o,s:o,s:o}}", "probe", "platform",
			 jsonx_text(p ? p->name : NULL), "releasever",
			 jsonx_text(s->snapshot->node.releasever), "arch",
			 jsonx_text(s->snapshot->node.arch), "roles", roles, "switchable",
			 jsonx_text(p ? platform_switchable_repo(p) : NULL));
	return 0;
}
