/* SPDX-License-Identifier: MIT */
/* The part of IGT's igt_crc.h that our tests use; see igt.h. */
#ifndef IGT_CRC_H
#define IGT_CRC_H

#include <stddef.h>
#include <stdint.h>

/* The same CRC-32 as zlib's */
uint32_t igt_cpu_crc32(const void *buf, size_t size);

#endif /* IGT_CRC_H */
