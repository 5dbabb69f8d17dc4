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

/*
 * Importers that are broken on purpose: the bits of the debugfs file "broken", beside the
 * flags of an import
 */
#define PFN_BROKEN_(name)		(DMA_BUF_PFN_BROKEN_##name << 16)
#define PFN_BROKEN			PFN_BROKEN_(ALL)
#define PFN_BROKEN_NO_ZAP		PFN_BROKEN_(NO_ZAP)
#define PFN_BROKEN_NO_FENCE_WAIT	PFN_BROKEN_(NO_FENCE_WAIT)
#define PFN_BROKEN_NO_RETRY		PFN_BROKEN_(NO_RETRY)
#define PFN_BROKEN_LATE_ZAP		PFN_BROKEN_(LATE_ZAP)
#define PFN_BROKEN_STALE_TLB		PFN_BROKEN_(STALE_TLB)
#define PFN_BROKEN_HOLD_LOCK		PFN_BROKEN_(HOLD_LOCK)
#define PFN_BROKEN_ATTACH_EARLY		PFN_BROKEN_(ATTACH_EARLY)
#define PFN_BROKEN_LEAK			PFN_BROKEN_(LEAK)
#define PFN_BROKEN_NO_FENCE		PFN_BROKEN_(NO_FENCE)

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
	{ PFN_BROKEN_NO_ZAP, "no-zap" },
	{ PFN_BROKEN_NO_FENCE_WAIT, "no-fence-wait" },
	{ PFN_BROKEN_NO_RETRY, "no-retry" },
	{ PFN_BROKEN_LATE_ZAP, "late-zap" },
	{ PFN_BROKEN_STALE_TLB, "stale-tlb" },
	{ PFN_BROKEN_HOLD_LOCK, "hold-lock" },
	{ PFN_BROKEN_ATTACH_EARLY, "attach-early" },
	{ PFN_BROKEN_LEAK, "leak" },
	{ PFN_BROKEN_NO_FENCE, "no-fence" },
};

/* Announce that this thread's next attachment is broken: a mask of PFN_BROKEN_*. */
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
static inline int pfn_contract_request(const char *word)
{
	char command[64];

	if (access(PFN_CONTRACT_MARKER, F_OK))
		return 0;
	snprintf(command, sizeof(command), "pfn-contract %s", word);
	return system(command);
}

#endif /* PFN_CONTRACT_MARK_H */
