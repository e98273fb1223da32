// SPDX-License-Identifier: Apache-2.0
#include "apply/output.h"

#include "base/alloc.h"

#define OUTPUT_MAX 4096 /* bytes from its end */

char *output_tell(struct channel *channel, int fd)
{
	char text[OUTPUT_MAX + 1], *rest = text, *line, *all = xstrdup("");
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, text, OUTPUT_MAX, size > OUTPUT_MAX ? size - OUTPUT_MAX : 0);

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n"))) {
		char *longer;

		for (char *p = line; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = ' ';
		if (!*line)
			continue;
		channel_tell(channel, APPLY_OUTPUT, "", 0, line);
		longer = xasprintf("%s%s%s", all, *all ? "\n" : "", line);
		free(all);
		all = longer;
	}
	return all;
}
