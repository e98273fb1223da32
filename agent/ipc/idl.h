// SPDX-License-Identifier: Apache-2.0
#pragma once

/*
 * The interface descriptions as texts: the .varlink files of this folder, embedded at build time
 */

/* The description of @interface ("io.klpd.Agent", "org.varlink.service"), or NULL. */
const char *idl_text(const char *interface);
