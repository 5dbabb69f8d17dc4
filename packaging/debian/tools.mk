# SPDX-License-Identifier: GPL-2.0
all: pfn-contract vgem_pfn_share

pfn-contract: $(sort $(wildcard tests/contract/*.c))
	$(CC) -std=gnu11 -D_GNU_SOURCE $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $^

vgem_pfn_share: tests/guest/programs/vgem_pfn_share.c
	$(CC) $(CPPFLAGS) $(CFLAGS) -Iinclude/uapi -I/usr/include/libdrm -pthread $(LDFLAGS) -o $@ $<
