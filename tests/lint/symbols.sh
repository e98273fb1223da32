#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
#   tests/lint/symbols.sh names|pure BUILD
#
# names: every global symbol of an object starts with the name of its module.
# pure:  core refers to nothing that could read, write, print or ask for the time.
# The exceptions are data, in tests/lint/symbols. Prints what does not fit.

set -eu
table=tests/lint/symbols
build=$2

# OBJECT SYMBOL for every global symbol of the kind $1 in the objects of the folders that follow.
list() {
	kind=$1
	shift
	for folder in "$@"; do
		for source in agent/"$folder"/*.c; do
			object=$build/${source%.c}.o
			[ -e "$object" ] || continue
			nm -gP "$kind" "$object" | awk -v object="${source#agent/}" '{ print object, $1 }'
		done
	done
}

names() {
	folders=$(ls agent)
	# shellcheck disable=SC2086 # one word per folder
	list --defined-only $folders | sed 's/\.c / /' | awk '
		NR == FNR { if ($1 == "prefix") for (i = 3; i <= NF; i++) may[$2] = may[$2] " " $i; next }
		{
			name = $1
			sub(/.*\//, "", name)
			first = name
			sub(/_.*/, "", first)
			n = split(name "_ " first "_" may[$1], prefix, " ")
			for (i = 1; i <= n; i++)
				if (prefix[i] == "*" || index($2, prefix[i]) == 1 || $2 == name || $2 == "main")
					next
			print "agent/" $1 ".c: " $2 "() does not start with " name "_"
		}' "$table" -
}

pure() {
	base=$(awk '$1 == "base" { for (i = 2; i <= NF; i++) print $i }' "$table")
	{
		awk '$1 == "core" { for (i = 2; i <= NF; i++) print "may", $i }
			$1 == "base-not" { for (i = 2; i <= NF; i++) print "not", $i }' "$table"
		list --defined-only core | sed 's/^[^ ]*/may/'
		for module in $base; do
			[ ! -e "$build/agent/base/$module.o" ] ||
				nm -gP --defined-only "$build/agent/base/$module.o" | awk '{ print "may", $1 }'
		done
		list --undefined-only core
	} | awk '
		$1 == "may" { may[$2] = 1; next }
		$1 == "not" { never[$2] = 1; next }
		$2 ~ /^__(asan|ubsan)_/ { next }
		!($2 in may) || ($2 in never) { print "agent/" $1 ": core may not use " $2 "()" }'
}

"$1"
