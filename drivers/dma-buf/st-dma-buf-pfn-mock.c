// SPDX-License-Identifier: GPL-2.0-only
/* A mock exporter and mock importers for the KUnit tests. */
