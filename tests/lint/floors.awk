# SPDX-License-Identifier: Apache-2.0
# awk -f floors.awk floors SYMBOLS: which symbols are newer than the floors, or not known to be as old.

# True if version a is newer than b.
function newer(a, b,    x, y, i, n) {
	n = split(a, x, ".")
	split(b, y, ".")
	for (i = 1; i <= n; i++)
		if (x[i] + 0 != y[i] + 0)
			return x[i] + 0 > y[i] + 0
	return 0
}

FNR == NR {
	if (/^\[glibc /)
		glibc = substr($2, 1, length($2) - 1)
	else if (!/^(#|\[|$)/)
		known[$1] = 1
	next
}

/^(_ITM_|__gmon_start__|__cxa_finalize)/ { next }

{
	name = version = $1
	sub(/@.*/, "", name)
	sub(/.*@/, "", version)
	if (name in known)
		next
	if (version !~ /^GLIBC_/)
		print name ": tests/lint/floors does not say since when it exists"
	else if (newer(substr(version, 7), glibc))
		print name ": of glibc " substr(version, 7) ", newer than " glibc
}
