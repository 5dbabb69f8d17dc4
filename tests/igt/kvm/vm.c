// SPDX-License-Identifier: MIT
/* The virtual machine: creation, memslots, statistics, and runs of a vCPU. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

#include "igt.h"
#include "kvm.h"
#include "pfn_importer.h"

#define MAILBOXES	0x2000
/* Seconds without progress after which a vCPU is considered stuck */
#define STUCK_S		45

static int open_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0 && (!system("modprobe -q kvm_amd") || !system("modprobe -q kvm_intel")))
		fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	igt_require_f(fd >= 0, "no /dev/kvm: the CPU has no virtualization\n");
	return fd;
}

static void create_cpu(struct vm *vm, int index)
{
	struct vm_cpu *cpu = &vm->cpu[index];
	struct kvm_sregs sregs;
	struct kvm_segment data = {
		.limit = 0xffffffff, .selector = 16, .type = 3, .present = 1, .db = 1,
		.s = 1, .g = 1,
	}, code = data;

	cpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, (unsigned long)index);
	igt_assert_lte(0, cpu->fd);
	cpu->run = mmap(NULL, vm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu->fd, 0);
	igt_assert(cpu->run != MAP_FAILED);
	cpu->mailbox_gpa = MAILBOXES + index * sizeof(*cpu->mailbox);
	cpu->mailbox = (struct vm_mailbox *)(vm->ram + cpu->mailbox_gpa);

	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_GET_SREGS, &sregs), 0);
	code.selector = 8;
	code.type = 11;
	sregs.cs = code;
	sregs.ds = data;
	sregs.es = data;
	sregs.fs = data;
	sregs.gs = data;
	sregs.ss = data;
	/* No exception is handled: each ends the VM by a shutdown. */
	sregs.idt.limit = 0;
	/* Protected mode, caches enabled */
	sregs.cr0 = 0x11;
	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_SREGS, &sregs), 0);
}

void vm_create_without_cpus(struct vm *vm)
{
	struct pfn_kvm_region ram = { .memory_size = VM_RAM_SIZE };

	vm->kvm = open_kvm();
	igt_require_f(ioctl(vm->kvm, KVM_CHECK_EXTENSION, KVM_CAP_DMABUF) > 0,
		      "KVM has no memslots backed by dma-bufs\n");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0UL);
	igt_assert_lte(0, vm->fd);
	vm->run_size = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0UL);

	vm->ram = mmap(NULL, VM_RAM_SIZE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	igt_assert(vm->ram != MAP_FAILED);
	memcpy(vm->ram, vm_code, vm_code_end - vm_code);
	ram.userspace_addr = (uintptr_t)vm->ram;
	igt_assert_eq(__vm_set_region(vm, &ram), 0);
}

void vm_create_cpus(struct vm *vm)
{
	int i;

	for (i = 0; i < VM_CPUS; i++)
		create_cpu(vm, i);
}

void vm_create(struct vm *vm)
{
	vm_create_without_cpus(vm);
	vm_create_cpus(vm);
}

void vm_enable_paging(struct vm_cpu *cpu, uint64_t directory)
{
	struct kvm_sregs sregs;

	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr3 = directory;
	/* Pages of 4 MiB */
	sregs.cr4 |= 0x10;
	sregs.cr0 |= 1U << 31;
	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_SREGS, &sregs), 0);
}

uint32_t vm_directory_entry(uint32_t index)
{
	/* User, writable, present */
	return index << 22 | 0x87;
}

void vm_make_directory(struct vm *vm)
{
	uint32_t *directory = (uint32_t *)(vm->ram + VM_DIRECTORY), i;

	for (i = 0; i < 1024; i++)
		directory[i] = vm_directory_entry(i);
}

void vm_destroy(struct vm *vm)
{
	int i;

	for (i = 0; i < VM_CPUS; i++) {
		munmap(vm->cpu[i].run, vm->run_size);
		close(vm->cpu[i].fd);
	}
	close(vm->fd);
	close(vm->kvm);
	munmap(vm->ram, VM_RAM_SIZE);
}

/* --- memslots ------------------------------------------------------------ */

struct pfn_kvm_region vm_region(int dmabuf, uint64_t offset, uint64_t gpa, uint64_t size)
{
	return (struct pfn_kvm_region) {
		.slot = VM_SLOT,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = gpa,
		.memory_size = size,
		.dmabuf_offset = offset,
		.dmabuf_fd = dmabuf,
	};
}

int __vm_set_region(struct vm *vm, const struct pfn_kvm_region *region)
{
	return __vgem_pfn_ioctl(vm->fd, PFN_KVM_SET_REGION, (void *)region);
}

void vm_map(struct vm *vm, int dmabuf, uint64_t offset, uint64_t gpa, uint64_t size)
{
	struct pfn_kvm_region region = vm_region(dmabuf, offset, gpa, size);

	igt_assert_eq(__vm_set_region(vm, &region), 0);
}

void vm_map_flags(struct vm *vm, int dmabuf, uint64_t size, uint32_t flags)
{
	struct pfn_kvm_region region = vm_region(dmabuf, 0, VM_GPA, size);

	region.flags |= flags;
	igt_assert_eq(__vm_set_region(vm, &region), 0);
}

void vm_map_address(struct vm *vm, void *map, uint64_t size)
{
	struct pfn_kvm_region region = {
		.slot = VM_SLOT,
		.guest_phys_addr = VM_GPA,
		.memory_size = size,
		.userspace_addr = (uintptr_t)map,
	};

	igt_assert_eq(__vm_set_region(vm, &region), 0);
}

int __vm_unmap(struct vm *vm)
{
	struct pfn_kvm_region region = { .slot = VM_SLOT };

	return __vm_set_region(vm, &region);
}

void vm_unmap(struct vm *vm)
{
	igt_assert_eq(__vm_unmap(vm), 0);
}

/* --- statistics ---------------------------------------------------------- */

static uint64_t read_stat(int stats, const struct kvm_stats_header *header, const char *name)
{
	size_t size = sizeof(struct kvm_stats_desc) + header->name_size;
	struct kvm_stats_desc *desc = malloc(size);
	uint64_t value = UINT64_MAX;
	uint32_t i;

	igt_assert(desc);
	for (i = 0; i < header->num_desc && value == UINT64_MAX; i++) {
		igt_assert_eq(pread(stats, desc, size, header->desc_offset + i * size),
			      (ssize_t)size);
		if (strcmp((char *)desc + sizeof(*desc), name))
			continue;
		igt_assert_eq(pread(stats, &value, sizeof(value),
				    header->data_offset + desc->offset),
			      (ssize_t)sizeof(value));
	}
	free(desc);
	igt_assert_f(value != UINT64_MAX, "no statistics %s\n", name);
	return value;
}

struct vm_pages vm_pages(struct vm *vm)
{
	int stats = ioctl(vm->fd, KVM_GET_STATS_FD, NULL);
	struct kvm_stats_header header;
	struct vm_pages pages;

	igt_assert_lte(0, stats);
	igt_assert_eq(pread(stats, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	pages.p4k = read_stat(stats, &header, "pages_4k");
	pages.p2m = read_stat(stats, &header, "pages_2m");
	pages.p1g = read_stat(stats, &header, "pages_1g");
	close(stats);
	return pages;
}

struct vm_pages vm_pages_begin(struct vm *vm)
{
	uint32_t value;

	igt_assert_eq(__vm_peek(&vm->cpu[0], 0, &value), 0);
	return vm_pages(vm);
}

struct vm_pages vm_pages_since(struct vm *vm, struct vm_pages before)
{
	struct vm_pages pages = vm_pages(vm);

	pages.p4k -= before.p4k;
	pages.p2m -= before.p2m;
	pages.p1g -= before.p1g;
	return pages;
}

/* --- runs ---------------------------------------------------------------- */

int __vm_run(struct vm_cpu *cpu)
{
	return __vgem_pfn_ioctl(cpu->fd, KVM_RUN, NULL);
}

static void run(void *arg)
{
	struct vm_cpu *cpu = arg;

	for (;;) {
		cpu->ret = __vm_run(cpu);
		if (cpu->ret != -EINTR || !cpu->restart)
			break;
		cpu->signals++;
	}
}

void vm_run_thread(struct vm_cpu *cpu)
{
	pfn_thread_start(&cpu->thread, run, cpu);
}

void vm_start(struct vm_cpu *cpu, enum vm_entry entry, const struct kvm_regs *regs)
{
	struct kvm_regs set = *regs;

	set.rip = vm_entry_offset(entry);
	set.rflags = 2;
	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_SET_REGS, &set), 0);
}

struct kvm_regs vm_regs(struct vm_cpu *cpu)
{
	struct kvm_regs regs;

	igt_assert_eq(__vgem_pfn_ioctl(cpu->fd, KVM_GET_REGS, &regs), 0);
	return regs;
}

struct kvm_regs vm_call(struct vm_cpu *cpu, enum vm_entry entry, const struct kvm_regs *regs)
{
	vm_start(cpu, entry, regs);
	igt_assert_eq(__vm_run(cpu), 0);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_HLT);
	return vm_regs(cpu);
}

/* Arguments of VM_WRITE and VM_CHECK */
static struct kvm_regs pattern_regs(uint64_t gpa, uint64_t size, uint64_t stride,
				    uint64_t seed)
{
	uint64_t first = pfn_pattern_word(seed, 0);
	uint64_t add = pfn_pattern_word(seed, stride / 8) - first;

	return (struct kvm_regs) {
		.rdi = gpa,
		.rcx = size / stride,
		.rbx = stride,
		.rax = (uint32_t)first,
		.rdx = first >> 32,
		.rsi = (uint32_t)add,
		.rbp = add >> 32,
	};
}

void vm_fill_by(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint64_t stride,
		uint64_t seed)
{
	struct kvm_regs regs = pattern_regs(gpa, size, stride, seed);

	vm_call(cpu, VM_WRITE, &regs);
}

void vm_check_by(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint64_t stride,
		 uint64_t seed)
{
	struct kvm_regs regs = pattern_regs(gpa, size, stride, seed);

	regs = vm_call(cpu, VM_CHECK, &regs);
	igt_assert_f(!regs.rcx, "the guest reads a wrong word at 0x%llx\n", regs.rdi);
}

void vm_fill(struct vm *vm, uint64_t gpa, uint64_t size, uint64_t stride, uint64_t seed)
{
	vm_fill_by(&vm->cpu[0], gpa, size, stride, seed);
}

void vm_check(struct vm *vm, uint64_t gpa, uint64_t size, uint64_t stride, uint64_t seed)
{
	vm_check_by(&vm->cpu[0], gpa, size, stride, seed);
}

int __vm_poke(struct vm_cpu *cpu, uint64_t gpa, uint32_t value)
{
	struct kvm_regs regs = { .rdi = gpa, .rax = value };

	vm_start(cpu, VM_POKE, &regs);
	return __vm_run(cpu);
}

int __vm_peek(struct vm_cpu *cpu, uint64_t gpa, uint32_t *value)
{
	struct kvm_regs regs = { .rdi = gpa };
	int ret;

	vm_start(cpu, VM_PEEK, &regs);
	ret = __vm_run(cpu);
	*value = vm_regs(cpu).rax;
	return ret;
}

void vm_assert_memory_fault(struct vm_cpu *cpu, int ret, uint64_t gpa)
{
	const struct pfn_kvm_memory_fault *fault = (void *)&cpu->run->hw;

	igt_assert_eq(ret, -EFAULT);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_MEMORY_FAULT);
	igt_assert_eq_u64(fault->gpa, gpa & ~(PFN_PAGE_SIZE - 1));
	igt_assert_eq_u64(fault->size, PFN_PAGE_SIZE);
	igt_assert_eq_u64(fault->flags, 0);
}

/* --- a vCPU that runs all the time --------------------------------------- */

void vm_loop_start(struct vm_cpu *cpu, uint64_t gpa, uint64_t size, uint32_t stride,
		   uint32_t tag)
{
	struct kvm_regs regs = {
		.rsi = gpa,
		.rbp = gpa + size,
		.rbx = stride,
		.rdx = tag,
		.rcx = cpu->mailbox_gpa,
	};

	*cpu->mailbox = (struct vm_mailbox) {};
	vm_start(cpu, VM_LOOP, &regs);
	vm_run_thread(cpu);
}

/*
 * VM_LOOP ends only after vm_loop_stop(). If it has ended before, report why. KVM resets
 * the vCPU, which sets EIP to 0xfff0, after a shutdown of the CPU's own, and keeps the
 * registers if it decided on the shutdown itself.
 */
static void assert_running(struct vm_cpu *cpu)
{
	struct kvm_regs regs;

	if (!cpu->thread.done)
		return;
	regs = vm_regs(cpu);
	igt_assert_f(false,
		     "the vCPU has stopped: %d, exit %u, wrong 0x%x, %u words, eip 0x%llx, esi 0x%llx, edi 0x%llx, edx 0x%llx\n",
		     cpu->ret, cpu->run->exit_reason, cpu->mailbox->wrong,
		     cpu->mailbox->progress, regs.rip, regs.rsi, regs.rdi, regs.rdx);
}

/* The function of the kernel that the thread sleeps in, and its state */
static const char *where(struct vm_cpu *cpu)
{
	static char text[4096];
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stack", cpu->thread.tid);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		return "its kernel stack cannot be read";
	length = read(fd, text, sizeof(text) - 1);
	text[length > 0 ? length : 0] = 0;
	close(fd);
	return text;
}

void vm_loop_wait(struct vm_cpu *cpu, uint32_t words)
{
	uint32_t from = cpu->mailbox->progress;
	time_t start = time(NULL);

	while (cpu->mailbox->progress - from < words) {
		assert_running(cpu);
		igt_assert_f(time(NULL) - start < STUCK_S,
			     "the vCPU makes no progress: %u words, %lu signals, %s\n",
			     from, cpu->signals, where(cpu));
		sched_yield();
	}
}

uint32_t vm_loop_stop(struct vm_cpu *cpu)
{
	cpu->mailbox->stop = 1;
	pfn_thread_join(&cpu->thread);
	igt_assert_eq(cpu->ret, 0);
	igt_assert_eq_u32(cpu->run->exit_reason, KVM_EXIT_HLT);
	igt_assert_eq_u32(cpu->mailbox->wrong, 0);
	return vm_regs(cpu).rdx;
}

static void loop_words(int fd, uint32_t handle, uint64_t gpa, uint64_t size,
		       uint32_t stride, uint32_t tag, bool write)
{
	uint64_t *pfns = vgem_pfn_bo_pfn_list(fd, handle, (gpa - VM_GPA) / PFN_PAGE_SIZE,
					      size / PFN_PAGE_SIZE);
	uint32_t word, want;
	uint64_t at;

	for (at = 0; at < size; at += stride) {
		want = tag + gpa + at;
		if (write) {
			pfn_mem_write(pfns[at / PFN_PAGE_SIZE], at % PFN_PAGE_SIZE, &want,
				      sizeof(want));
			continue;
		}
		pfn_mem_read(pfns[at / PFN_PAGE_SIZE], at % PFN_PAGE_SIZE, &word,
			     sizeof(word));
		igt_assert_eq_u32(word, want);
	}
	free(pfns);
}

void vm_loop_set(int fd, uint32_t handle, uint64_t gpa, uint64_t size, uint32_t stride,
		 uint32_t tag)
{
	loop_words(fd, handle, gpa, size, stride, tag, true);
}

void vm_loop_check(int fd, uint32_t handle, uint64_t gpa, uint64_t size, uint32_t stride,
		   uint32_t tag)
{
	loop_words(fd, handle, gpa, size, stride, tag, false);
}

/* --- a buffer ------------------------------------------------------------ */

static void create_buffer(struct vm_bo *bo, uint64_t size, const uint32_t *regions,
			  uint32_t num)
{
	bo->size = size;
	bo->handle = __vgem_pfn_bo_create_list(bo->fd, size, regions, num);
	bo->dmabuf = vgem_pfn_export(bo->fd, bo->handle);
	vgem_pfn_bo_move(bo->fd, bo->handle, regions[0]);
}

static void destroy_buffer(struct vm_bo *bo)
{
	close(bo->dmabuf);
	vgem_pfn_gem_close(bo->fd, bo->handle);
}

void __vm_bo_create(struct vm_bo *bo, int fd, uint64_t size, const uint32_t *regions,
		    uint32_t num)
{
	*bo = (struct vm_bo) { .fd = fd };
	vm_create(&bo->vm);
	create_buffer(bo, size, regions, num);
}

void vm_bo_replace(struct vm_bo *bo, uint64_t size, uint32_t region)
{
	destroy_buffer(bo);
	create_buffer(bo, size, &region, 1);
}

void vm_bo_destroy(struct vm_bo *bo)
{
	vm_destroy(&bo->vm);
	destroy_buffer(bo);
}

struct vm_pages vm_bo_levels(struct vm_bo *bo, uint64_t offset, uint64_t gpa, uint64_t size)
{
	uint64_t pages = bo->size / PFN_PAGE_SIZE, first = offset / PFN_PAGE_SIZE;
	uint64_t end = first + size / PFN_PAGE_SIZE, page, n;
	uint64_t *pfns = vgem_pfn_bo_pfn_list(bo->fd, bo->handle, 0, pages);
	uint8_t *orders = pfn_true_orders(pfns, pages);
	struct vm_pages levels = {};

	for (page = first; page < end; page += n) {
		uint64_t unlike = (gpa - offset) / PFN_PAGE_SIZE;

		for (n = 1ULL << orders[page]; n > 1; n = n > 512 ? 512 : 1)
			if (!(page % n) && page + n <= end && !(unlike % n))
				break;
		levels.p4k += n == 1;
		levels.p2m += n == 512;
		levels.p1g += n > 512;
	}
	free(orders);
	free(pfns);
	return levels;
}
