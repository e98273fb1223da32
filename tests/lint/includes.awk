# Checks every #include below agent/ against a table of allowed arrows.
# SPDX-License-Identifier: Apache-2.0
#
#   awk -f tests/lint/includes.awk tests/lint/arrows agent/*/*.[ch]
#
# Prints one line per include that is not allowed.

# Is @what (FOLDER/FILE) in @list, which names folders and files?
function listed(what, list,    n, words, i)
{
	n = split(list, words, " ")
	for (i = 1; i <= n; i++)
		if (what == words[i] || index(what, words[i] "/") == 1)
			return 1
	return 0
}

function complain(text)
{
	printf "%s:%d: %s\n", FILENAME, FNR, text
}

/^#/ && FILENAME ~ /arrows$/ { next }

$1 == "folder" || $1 == "library" {
	if (FILENAME ~ /arrows$/) {
		name = $2
		sub(/:$/, "", name)
		list = $0
		sub(/^[^:]*:/, "", list)
		if ($1 == "folder")
			folders[name] = list
		else
			libraries[name] = list
		next
	}
}

FNR == 1 {
	self = FILENAME
	sub(/^.*agent\//, "", self)
	folder = self
	sub(/\/.*/, "", folder)
	if (FILENAME !~ /arrows$/ && !(folder in folders))
		complain("agent/" folder " has no row in tests/lint/arrows")
}

/^#[ \t]*include[ \t]*"/ {
	split($0, part, "\"")
	if (part[2] ~ /\.inc$/)
		next
	if (part[2] !~ /\//)
		complain("\"" part[2] "\" is included without its folder")
	else if (!listed(part[2], folders[folder]))
		complain("agent/" folder " may not include \"" part[2] "\"")
}

/^#[ \t]*include[ \t]*</ {
	split($0, part, /[<>]/)
	for (name in libraries)
		if (index(part[2], name) == 1 && !listed(self, libraries[name]))
			complain(self " may not include <" part[2] ">")
}
