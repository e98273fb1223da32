# Turns text files into C string literals, so that a program can carry them.
# SPDX-License-Identifier: Apache-2.0
#
#   awk -f conf/embed.awk FILE                   the literals alone, for use in an initializer
#   awk -f conf/embed.awk macro=NAME FILE...     NAME("file without folder and suffix", "text")
#
# Plain POSIX awk; one literal per line, so that the result can be read and diffed.

function finish()
{
	if (open_macro)
		print "\t)"
	open_macro = 0
}

FNR == 1 {
	finish()
	if (NR == 1)
		print "/* Made by conf/embed.awk; do not edit. */"
	if (macro != "") {
		name = FILENAME
		sub(/.*\//, "", name)
		sub(/\.[^.]*$/, "", name)
		printf "%s(\"%s\",\n", macro, name
		open_macro = 1
	}
}

{
	gsub(/\\/, "&&")
	gsub(/"/, "\\\"")
	gsub(/\t/, "\\t")
	gsub(/\r/, "\\r")
	gsub(/\?\?/, "?\"\"?")
	printf "\t\"%s\\n\"\n", $0
}

END {
	finish()
}
