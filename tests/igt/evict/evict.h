/* SPDX-License-Identifier: MIT */
/* Groups of subtests of vgem_pfn_evict, one file each. */
#ifndef EVICT_H
#define EVICT_H

void evict_pinned_tests(int fd);
void evict_stress_tests(int fd);
void evict_swap_tests(int fd);
void evict_suspend_tests(int fd);

#endif /* EVICT_H */
