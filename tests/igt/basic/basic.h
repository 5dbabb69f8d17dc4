/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_basic, one file each, and what they share. @fd is a
 * render node, unless noted.
 */
#ifndef BASIC_H
#define BASIC_H

#include <stddef.h>
#include <stdint.h>

#include "vgem_pfn.h"

void basic_create_tests(int fd);
void basic_query_tests(int fd);
void basic_move_tests(int fd);
void basic_mmap_tests(int fd);
void basic_drm_tests(int fd);
/* Opens its own clients. */
void basic_fdinfo_tests(void);
/* Opens and closes devices itself: the module must be unused when called. */
void basic_unload_tests(void);

/* State that a failed ioctl must not change */
struct basic_state {
	uint64_t used[DRM_VGEM_PFN_MAX_REGIONS];
	uint32_t next_handle;
};

struct basic_state basic_state(int fd);
void basic_assert_unchanged(int fd, struct basic_state before);

/*
 * @arg, of @size bytes, is valid for @request. The bytes from @first up to @end must be
 * zero: any bit set in one of them makes the ioctl return -EINVAL.
 */
void basic_assert_mbz(int fd, unsigned long request, const void *arg,
		      size_t size, size_t first, size_t end);
#define basic_assert_mbz_field(fd, request, arg, field) \
	basic_assert_mbz(fd, request, &(arg), sizeof(arg), \
			 offsetof(typeof(arg), field), \
			 offsetof(typeof(arg), field) + sizeof((arg).field))

/* The same for each bit of the flags at byte @flags that is not in @known */
void basic_assert_bad_flags(int fd, unsigned long request, const void *arg,
			    size_t size, size_t flags, uint32_t known);

#endif /* BASIC_H */
