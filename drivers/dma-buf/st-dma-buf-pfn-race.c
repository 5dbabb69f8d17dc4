// SPDX-License-Identifier: GPL-2.0-only
/* KUnit test of an unlocked importer against moves. */
