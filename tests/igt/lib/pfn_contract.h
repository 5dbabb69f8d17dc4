/* SPDX-License-Identifier: MIT */
/*
 * Messages to pfn-contract (tests/contract/), which checks exporter and importers by
 * the trace of a run. Without a recording these functions do nothing. Needs neither IGT
 * nor a library.
 */
#ifndef PFN_CONTRACT_MARK_H
#define PFN_CONTRACT_MARK_H

#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../drivers/dma-buf/dma-buf-pfn-importer_uapi.h"

#define PFN_CONTRACT_MARKER \
	"/sys/kernel/tracing/instances/pfn_contract/trace_marker"

/* Write a line to the trace. */
static inline void pfn_contract_mark(const char *text)
{
	int fd = open(PFN_CONTRACT_MARKER, O_WRONLY | O_CLOEXEC);
	char line[160];
	int n;

	if (fd < 0)
		return;
	n = snprintf(line, sizeof(line), "pfn_contract: %s\n", text);
	if (write(fd, line, n) < 0)
		perror("trace_marker");
	close(fd);
}

/* pfn-contract's names of the importers that are broken on purpose */
static const struct {
	uint32_t flag;
	const char *name;
} pfn_contract_modes[] = {
	{ DMA_BUF_PFN_IMPORT_NO_ZAP, "no-zap" },
	{ DMA_BUF_PFN_IMPORT_NO_FENCE_WAIT, "no-fence-wait" },
	{ DMA_BUF_PFN_IMPORT_NO_RETRY, "no-retry" },
	{ DMA_BUF_PFN_IMPORT_LATE_ZAP, "late-zap" },
	{ DMA_BUF_PFN_IMPORT_STALE_TLB, "stale-tlb" },
	{ DMA_BUF_PFN_IMPORT_HOLD_LOCK, "hold-lock" },
	{ DMA_BUF_PFN_IMPORT_ATTACH_EARLY, "attach-early" },
	{ DMA_BUF_PFN_IMPORT_LEAK, "leak" },
	{ DMA_BUF_PFN_IMPORT_NO_FENCE, "no-fence" },
};

/* Announce that this thread's next attachment is broken as specified by @flags. */
static inline void pfn_contract_import(uint32_t flags)
{
	char text[128] = "import";
	size_t i, n = sizeof(pfn_contract_modes) / sizeof(*pfn_contract_modes);

	for (i = 0; i < n; i++) {
		if (!(flags & pfn_contract_modes[i].flag))
			continue;
		strcat(text, " ");
		strcat(text, pfn_contract_modes[i].name);
	}
	pfn_contract_mark(text);
}

/*
 * Run pfn-contract with "sync" before the exporter is unloaded and with "unloaded"
 * afterwards. The recording continues.
 */
static inline int pfn_contract_ask(const char *word)
{
	char command[64];

	if (access(PFN_CONTRACT_MARKER, F_OK))
		return 0;
	snprintf(command, sizeof(command), "pfn-contract %s", word);
	return system(command);
}

#endif /* PFN_CONTRACT_MARK_H */
