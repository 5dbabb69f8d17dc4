/* SPDX-License-Identifier: MIT */
/*
 * Groups of subtests of vgem_pfn_kvm, one file each, and what they share: a virtual
 * machine of a few pages, whose vCPUs run in flat protected mode without paging and
 * without interrupts. Its RAM has the guest's code and a mailbox for each vCPU, and is
 * the only memory that this process maps. Buffers are memslots without a userspace
 * address.
 */
#ifndef KVM_H
#define KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "pfn_kvm_ioctl.h"
#include "vgem_pfn.h"

#define VM_CPUS		2
/* Slot 0 is the RAM. */
#define VM_SLOT		1
#define VM_RAM_SIZE	(64 * KiB)
/* Where tests map buffers: an address that allows mappings of 1 GiB */
#define VM_GPA		(1024 * MiB)

/* Routines of the guest (guest.c). All end with HLT. */
enum vm_entry {
	/* Write registers.count words of 8 bytes in a pattern. */
	VM_WRITE,
	/* Compare them: registers.count is 0 afterwards, or what is left to compare. */
	VM_CHECK,
	/*
	 * Change a range again and again, word by word, and compare before each change,
	 * until @stop of the mailbox is set.
	 */
	VM_LOOP,
	/* Write one word of 4 bytes. */
	VM_POKE,
	/* Read one word of 4 bytes. */
	VM_PEEK,
	/* Write one byte of memory to a port, and read one byte of a port to memory. */
	VM_OUTS,
	VM_INS,
	/* Run a guest of the guest until its HLT. */
	VM_VMRUN,
};

/* Shared with a vCPU that runs VM_LOOP */
struct vm_mailbox {
	volatile uint32_t progress;	/* words changed */
	volatile uint32_t stop;
	volatile uint32_t wrong;	/* address of a wrong word */
	uint32_t pad[13];
};

struct vm_cpu {
	int fd;
	struct kvm_run *run;
	struct vm_mailbox *mailbox;
	uint32_t mailbox_gpa;
	/* For threads */
	struct pfn_thread thread;
	int ret;
	/* Continue after a signal. */
	volatile bool restart;
	uint64_t signals;
};

struct vm {
	int kvm;
	int fd;
	char *ram;
	size_t run_size;
	struct vm_cpu cpu[VM_CPUS];
};

/* Skips without KVM, and without memslots that are backed by dma-bufs. */
void vm_create(struct vm *vm);
/* The same in two steps, for capabilities that precede the creation of vCPUs */
void vm_create_without_cpus(struct vm *vm);
void vm_create_cpus(struct vm *vm);
void vm_destroy(struct vm *vm);

/*
 * Paging with pages of 4 MiB that map each address to itself. The directory has 1,024 entries
 * of 4 bytes. vm_make_directory() makes one in the RAM.
 */
#define VM_DIRECTORY	0x6000
uint32_t vm_directory_entry(uint32_t index);
void vm_make_directory(struct vm *vm);
void vm_enable_paging(struct vm_cpu *cpu, uint64_t directory);

/* A memslot with @size bytes of @dmabuf from @offset on */
struct pfn_kvm_region vm_region(int dmabuf, uint64_t offset, uint64_t gpa, uint64_t size);
int __vm_set_region(struct vm *vm, const struct pfn_kvm_region *region);
/* The same, with flags in addition to KVM_MEM_DMABUF */
void vm_map_flags(struct vm *vm, int dmabuf, uint64_t size, uint32_t flags);
/* A memslot with a mapping of this process, for comparison */
void vm_map_address(struct vm *vm, void *map, uint64_t size);
void vm_map(struct vm *vm, int dmabuf, uint64_t offset, uint64_t gpa, uint64_t size);
int __vm_unmap(struct vm *vm);
void vm_unmap(struct vm *vm);

/* Mappings of guest pages of all slots, by level, from KVM's statistics */
struct vm_pages {
	uint64_t p4k;
	uint64_t p2m;
	uint64_t p1g;
};

struct vm_pages vm_pages(struct vm *vm);
/* Let the vCPU access its code, which the deletion of any slot unmaps, and count. */
struct vm_pages vm_pages_begin(struct vm *vm);
/* Mappings since @before */
struct vm_pages vm_pages_since(struct vm *vm, struct vm_pages before);
#define vm_assert_pages(got, n4k, n2m, n1g) \
	do { \
		struct vm_pages vm_got = (got); \
		igt_assert_eq_u64(vm_got.p4k, n4k); \
		igt_assert_eq_u64(vm_got.p2m, n2m); \
		igt_assert_eq_u64(vm_got.p1g, n1g); \
	} while (0)

/* Run until an exit. Returns 0 or -errno; the exit is in cpu->run->exit_reason. */
int __vm_run(struct vm_cpu *cpu);
/* Set the registers for a routine, without running it. */
void vm_start(struct vm_cpu *cpu, enum vm_entry entry, const struct kvm_regs *regs);
/* Run in a thread. The result is in cpu->ret once cpu->thread is joined. */
void vm_run_thread(struct vm_cpu *cpu);
struct kvm_regs vm_regs(struct vm_cpu *cpu);
/* Run a routine until its HLT, in this thread. */
struct kvm_regs vm_call(struct vm_cpu *cpu, enum vm_entry entry,
			const struct kvm_regs *regs);

/* Write or check one word every @stride bytes in the pattern of @seed. */
void vm_fill(struct vm *vm, uint64_t gpa, uint64_t size, uint64_t stride, uint64_t seed);
void vm_check(struct vm *vm, uint64_t gpa, uint64_t size, uint64_t stride, uint64_t seed);
/* The same by the second, third ... vCPU */
void vm_fill_by(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint64_t stride,
		uint64_t seed);
void vm_check_by(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint64_t stride,
		 uint64_t seed);
/* One access; returns 0 or -errno of KVM_RUN. */
int __vm_poke(struct vm_cpu *cpu, uint64_t gpa, uint32_t value);
int __vm_peek(struct vm_cpu *cpu, uint64_t gpa, uint32_t *value);

/* Assert that KVM_RUN failed because there is no memory at @gpa. */
void vm_assert_memory_fault(struct vm_cpu *cpu, int ret, uint64_t gpa);

/*
 * A vCPU that runs VM_LOOP in a thread of its own, over one word every @stride bytes.
 * At first each word is @tag plus its address. Each pass adds VM_LOOP_STEP.
 */
#define VM_LOOP_STEP	0x01000193

void vm_loop_start(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint32_t stride,
		   uint32_t tag);
/* Wait until the vCPU has changed @words more words; fails if it has found a wrong one. */
void vm_loop_wait(struct vm_cpu *cpu, uint32_t words);
/* Returns the tag that all words have now. */
uint32_t vm_loop_stop(struct vm_cpu *cpu);
/*
 * Set the words of the buffer that is mapped at VM_GPA to @tag plus their address, or
 * compare them, by pfn, in the @size bytes at @gpa.
 */
void vm_loop_set(int fd, uint32_t handle, uint64_t gpa, uint64_t size, uint32_t stride,
		 uint32_t tag);
void vm_loop_check(int fd, uint32_t handle, uint64_t gpa, uint64_t size, uint32_t stride,
		   uint32_t tag);

/* A buffer and its dma-buf, mapped at VM_GPA */
struct vm_bo {
	struct vm vm;
	int fd;
	uint32_t handle;
	int dmabuf;
	uint64_t size;
};

/* Create the buffer in the first of the regions, and a virtual machine. */
#define vm_bo_create(bo, fd, size, regions...) \
	__vm_bo_create(bo, fd, size, (const uint32_t []){ regions }, \
		       sizeof((const uint32_t []){ regions }) / sizeof(uint32_t))
void __vm_bo_create(struct vm_bo *bo, int fd, uint64_t size, const uint32_t *regions,
		    uint32_t num);
/* Destroy the buffer, which is in no slot, and create another one for the same VM. */
void vm_bo_replace(struct vm_bo *bo, uint64_t size, uint32_t region);
void vm_bo_destroy(struct vm_bo *bo);
/* The mappings that the buffer has if all pages of the slot are mapped */
struct vm_pages vm_bo_levels(struct vm_bo *bo, uint64_t offset, uint64_t gpa,
			     uint64_t size);

extern const char vm_code[], vm_code_end[];
uint32_t vm_entry_offset(enum vm_entry entry);

void kvm_map_tests(int fd);
void kvm_move_tests(int fd);
void kvm_fence_tests(int fd);
void kvm_slot_tests(int fd);
void kvm_bad_tests(int fd);
void kvm_nth_tests(int fd);
void kvm_close_tests(int fd);
void kvm_share_tests(int fd);
void kvm_log_tests(int fd);
void kvm_access_tests(int fd);
void kvm_smm_tests(int fd);
void kvm_nested_tests(int fd);
void kvm_plain_tests(int fd);
/* Reloads KVM. */
void kvm_shadow_tests(int fd);
/* Unplugs devices, and opens them itself. */
void kvm_unplug_tests(void);

/* Bodies of subtests that also run with shadow page tables */
/* @paging: the guest has page tables in its RAM. */
void vm_test_move(int fd, int moves, bool paging);
void vm_test_levels(int fd);
void vm_test_dirty(int fd);

#endif /* KVM_H */
