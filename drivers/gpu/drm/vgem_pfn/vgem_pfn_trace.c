// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place where the trace events are made.
 */

#define CREATE_TRACE_POINTS
#include "vgem_pfn_trace.h"
