// SPDX-License-Identifier: MIT
/*
 * pfn-contract: options, and reading files.
 *
 * The exit status is 0 if no rule was broken, 1 if a rule was broken, 2 if the trace
 * cannot be judged, 3 for invalid usage, and 4 if no importer did anything.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"

void take_line(const char *line)
{
	struct event event;
	u64 lost = 0;

	switch (parse_line(line, &event, &lost)) {
	case LINE_EVENT:
		order_add(&event);
		break;
	case LINE_LOST:
		cannot_judge("%llu events or more were lost", ull(lost));
		break;
	case LINE_OTHER:
		break;
	}
}

static int read_file(FILE *file)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, file) >= 0)
		take_line(line);
	free(line);
	return ferror(file);
}

/* number - the argument of option @c, or exit if it is not a number from 1 to @max */
static unsigned long number(int c, const char *arg, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(arg, &end, 0);
	if (errno || end == arg || *end || *arg == '-' || !value || value > max) {
		fprintf(stderr, "pfn-contract: -%c %s: it must be a number from 1 to %lu\n",
			c, arg, max);
		exit(3);
	}
	return value;
}

static const char usage[] =
	"pfn-contract [OPTION...] FILE    judge a trace; - is standard input\n"
	"pfn-contract [OPTION...] record  trace this system until \"stop\", and judge\n"
	"pfn-contract ready|sync|unloaded|stop  synchronize with the recorder\n"
	"\n"
	"  -a       do not fail if importers did nothing or were not judged\n"
	"  -b MIB   trace buffer of each CPU, for record (8)\n"
	"  -e NAME  the exporter, as in exp_name= (vgem_pfn)\n"
	"  -l MS    longest time that invalidate_mappings may take (2000)\n"
	"  -q       do not report attachments at the end of the trace as leaks\n";

int main(int argc, char **argv)
{
	bool any = false, keep = false;
	const char *what;
	FILE *file;
	int c, ret;

	while ((c = getopt(argc, argv, "ab:e:l:q")) != -1) {
		switch (c) {
		case 'a':
			any = true;
			break;
		case 'b':
			record_buffer_mib = number(c, optarg, 4096);
			break;
		case 'e':
			model.exporter = optarg;
			break;
		case 'l':
			importer_limit_us = number(c, optarg, 600000) * 1000;
			break;
		case 'q':
			keep = true;
			break;
		default:
			fputs(usage, stderr);
			return 3;
		}
	}
	if (optind + 1 != argc) {
		fputs(usage, stderr);
		return 3;
	}

	what = argv[optind];
	if (!strcmp(what, "ready") || !strcmp(what, "sync") ||
	    !strcmp(what, "unloaded") || !strcmp(what, "stop")) {
		ret = record_command(what);
		if (ret)
			fprintf(stderr, "pfn-contract: %s: %s\n", what,
				strerror(-ret));
		return ret ? 2 : 0;
	}

	if (!strcmp(what, "record")) {
		ret = record();
	} else {
		file = strcmp(what, "-") ? fopen(what, "re") : stdin;
		if (!file) {
			perror(what);
			return 3;
		}
		ret = read_file(file);
	}
	if (ret)
		cannot_judge("%s could not be read to its end", what);
	order_flush();
	exporter_left();
	if (!keep)
		importer_left();
	return report_end(any);
}
