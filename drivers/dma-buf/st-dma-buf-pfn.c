// SPDX-License-Identifier: GPL-2.0-only
/* KUnit tests of dma-buf page frame numbers, rule by rule. */
