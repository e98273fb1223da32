// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The worker's verbs: each answers one JSON object, whose single member names what it is
 */

#include "worker/session.h"

#include <jansson.h>

typedef int (*verb_fn)(struct session *s, json_t **ret, struct err *err);

int verb_probe(struct session *s, json_t **ret, struct err *err);      /* {"probe": {...}} */
int verb_scan(struct session *s, json_t **ret, struct err *err);       /* {"report": {...}} */
int verb_plan(struct session *s, json_t **ret, struct err *err);       /* {"plan": {...}, ...} */
int verb_activation(struct session *s, json_t **ret, struct err *err); /* {"activation": {...}} */
int verb_capture(struct session *s, json_t **ret, struct err *err);    /* {"snapshot": {...}} */
int verb_explain(struct session *s, json_t **ret, struct err *err);    /* {"explanation": {...}} */
int verb_cve(struct session *s, json_t **ret, struct err *err);	       /* {"explanation": {...}} */
int verb_vex(struct session *s, json_t **ret, struct err *err);	       /* {"export": {...}} */
int verb_config(struct session *s, json_t **ret, struct err *err);     /* {"settings": [...]} */
int verb_baseline(struct session *s, json_t **ret, struct err *err);   /* {"baseline": {...}} */
int verb_doctor(struct session *s, json_t **ret, struct err *err);     /* {"checks": [...]} */
