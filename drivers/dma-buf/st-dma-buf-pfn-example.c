// SPDX-License-Identifier: GPL-2.0-only
/* The example of Documentation/driver-api/dma-buf-pfn.rst. */
