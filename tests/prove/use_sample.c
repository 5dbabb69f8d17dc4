// SPDX-License-Identifier: MIT
/*
 * The program for the sample importer: imports the dma-buf that vgem_pfn_share moves,
 * increments a word in each page, and checks the values.
 *
 *	use_sample [SECONDS]		0: import without access
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "importer/sample_importer.h"

#define PAGE	4096
#define STEPS	16	/* between two snapshots */

static int die(const char *what)
{
	fprintf(stderr, "use_sample: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 1 ? atoi(argv[1]) : 5;
	const char *fd_text = getenv("VGEM_PFN_DMABUF_FD");
	const char *size_text = getenv("VGEM_PFN_SIZE");
	unsigned long steps = 0, wrong = 0, pages;
	uint64_t *expected, word;
	int importer, fd;
	time_t end;

	if (!fd_text || !size_text)
		die("there is no dma-buf");
	fd = atoi(fd_text);
	pages = strtoul(size_text, NULL, 0) / PAGE;
	expected = calloc(pages, sizeof(*expected));
	importer = open("/dev/sample_importer", O_RDWR);
	if (!expected || importer < 0)
		die("/dev/sample_importer");
	if (ioctl(importer, SAMPLE_IMPORT, &fd))
		die("import");
	if (!seconds)
		sleep(3);

	end = time(NULL) + seconds;
	while (time(NULL) < end) {
		unsigned long page = steps * 7 % pages;

		if (pread(importer, &word, sizeof(word), page * PAGE) != sizeof(word))
			die("read");
		wrong += word != expected[page];
		word = ++expected[page];
		if (pwrite(importer, &word, sizeof(word), page * PAGE) != sizeof(word))
			die("write");
		if (++steps % STEPS == 0 && ioctl(importer, SAMPLE_SNAPSHOT))
			die("snapshot");
	}
	printf("use_sample: %lu steps, %lu times the wrong data\n", steps, wrong);
	return wrong ? 2 : 0;
}
