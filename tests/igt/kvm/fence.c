// SPDX-License-Identifier: MIT
/*
 * Subtests of buffers whose contents are still being copied when the guest accesses
 * them: the vCPU waits until the copy is complete, or until it gets a signal. While it
 * waits, updates of the memslots of its VM wait, too.
 */
#include <errno.h>

#include "igt.h"
#include "kvm.h"

#define SIZE	(64 * KiB)

/* A vCPU that waits for a copy, which does not begin before @hold ends */
struct waiter {
	struct vm_bo bo;
	struct vm_cpu *cpu;
	struct pfn_hold hold;
};

static void waiter_create(struct waiter *w, int fd)
{
	vm_bo_create(&w->bo, fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	w->cpu = &w->bo.vm.cpu[0];
	vm_map(&w->bo.vm, w->bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&w->bo.vm, VM_GPA, SIZE, 8, 1);
}

static void waiter_wait(struct waiter *w)
{
	const struct kvm_regs regs = { .rdi = VM_GPA + SIZE / 2 };

	pfn_hold_begin(&w->hold);
	pfn_hold_dmabuf(&w->hold, w->bo.dmabuf);
	igt_assert_eq(__vgem_pfn_bo_move_async(w->bo.fd, w->bo.handle, VGEM_PFN_TT, 0),
		      0);
	vm_start(w->cpu, VM_PEEK, &regs);
	vm_run_thread(w->cpu);
	pfn_hold_assert(&w->hold, pfn_thread_asleep(&w->cpu->thread));
}

static void waiter_start(struct waiter *w, int fd)
{
	waiter_create(w, fd);
	waiter_wait(w);
}

static void waiter_join(struct waiter *w)
{
	pfn_thread_join(&w->cpu->thread);
	igt_assert_eq(w->cpu->ret, 0);
	igt_assert_eq_u32(w->cpu->run->exit_reason, KVM_EXIT_HLT);
	igt_assert_eq_u64((uint32_t)vm_regs(w->cpu).rax,
			  (uint32_t)pfn_pattern_word(1, SIZE / 2 / 8));
}

static void waiter_end(struct waiter *w)
{
	vm_check(&w->bo.vm, VM_GPA, SIZE, 8, 1);
	vm_bo_destroy(&w->bo);
}

static void test_fence(int fd)
{
	struct waiter w;

	waiter_start(&w, fd);
	pfn_hold_end(&w.hold);
	waiter_join(&w);
	waiter_end(&w);
}

static void test_interrupted(int fd)
{
	struct waiter w;

	waiter_start(&w, fd);
	pfn_thread_signal(&w.cpu->thread);
	pfn_thread_join(&w.cpu->thread);
	pfn_hold_assert(&w.hold, w.cpu->ret == -EINTR);
	igt_assert_eq_u32(w.cpu->run->exit_reason, KVM_EXIT_INTR);
	igt_assert(pfn_hold_pending(&w.hold));

	/* The access is repeated, and waits again. */
	vm_run_thread(w.cpu);
	pfn_hold_assert(&w.hold, pfn_thread_asleep(&w.cpu->thread));
	pfn_hold_end(&w.hold);
	waiter_join(&w);
	waiter_end(&w);
}

/*
 * The buffer moves on while the vCPU waits: what it has looked up is out of date when the
 * wait ends.
 */
static void test_moved(int fd)
{
	struct waiter w;

	waiter_start(&w, fd);
	igt_assert_eq(__vgem_pfn_bo_move_async(fd, w.bo.handle, VGEM_PFN_CARVEOUT, 0), 0);
	pfn_hold_end(&w.hold);
	waiter_join(&w);
	vm_check(&w.bo.vm, VM_GPA, SIZE, 8, 1);
	vm_fill(&w.bo.vm, VM_GPA, SIZE, 8, 2);
	vgem_pfn_bo_check_mem(fd, w.bo.handle, SIZE, 2);
	vm_bo_destroy(&w.bo);
}

/* KVM_PRE_FAULT_MEMORY waits and is interrupted in the same way. */
struct prefault {
	struct waiter *w;
	int ret;
	struct pfn_thread thread;
};

static void run_prefault(void *arg)
{
	struct pfn_kvm_prefault range = { .gpa = VM_GPA, .size = PFN_PAGE_SIZE };
	struct prefault *p = arg;

	p->ret = __vgem_pfn_ioctl(p->w->bo.vm.cpu[1].fd, PFN_KVM_PREFAULT, &range);
}

static void test_prefault(int fd)
{
	struct waiter w;
	struct prefault p = { .w = &w };

	waiter_start(&w, fd);
	pfn_thread_start(&p.thread, run_prefault, &p);
	pfn_hold_assert(&w.hold, pfn_thread_asleep(&p.thread));
	pfn_thread_signal(&p.thread);
	pfn_thread_join(&p.thread);
	pfn_hold_assert(&w.hold, p.ret == -EINTR);
	pfn_hold_end(&w.hold);
	run_prefault(&p);
	igt_assert_eq(p.ret, 0);
	waiter_join(&w);
	waiter_end(&w);
}

/* A thread that deletes VM_SLOT + 1, which has another buffer */
struct deleter {
	struct waiter w;
	uint32_t other;
	int other_dmabuf;
	struct pfn_kvm_region region;
	int ret;
	struct pfn_thread thread;
};

static void run_delete(void *arg)
{
	struct deleter *d = arg;

	d->region = (struct pfn_kvm_region) { .slot = VM_SLOT + 1 };
	d->ret = __vm_set_region(&d->w.bo.vm, &d->region);
}

#define OTHER_GPA	(2 * VM_GPA)

/*
 * The vCPU waits for a copy of one buffer, and another thread deletes the slot of
 * another buffer: the slot is invalid until the vCPU has returned.
 */
static void deleter_start(struct deleter *d, int fd, struct vm_pages *before)
{
	struct vm *vm = &d->w.bo.vm;

	d->other = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	d->other_dmabuf = vgem_pfn_export(fd, d->other);
	waiter_create(&d->w, fd);
	d->region = vm_region(d->other_dmabuf, 0, OTHER_GPA, SIZE);
	d->region.slot = VM_SLOT + 1;
	igt_assert_eq(__vm_set_region(vm, &d->region), 0);
	*before = vm_pages(vm);
	before->p4k -= SIZE / PFN_PAGE_SIZE;
	vm_fill(vm, OTHER_GPA, SIZE, 8, 2);
	vm_assert_pages(vm_pages_since(vm, *before), 2 * SIZE / PFN_PAGE_SIZE, 0, 0);

	waiter_wait(&d->w);
	pfn_thread_start(&d->thread, run_delete, d);
	pfn_hold_assert(&d->w.hold, pfn_thread_asleep(&d->thread));
}

static void deleter_end(struct deleter *d)
{
	igt_assert_eq(d->ret, 0);
	igt_assert_eq_u32(vgem_pfn_bo_query(d->w.bo.fd, d->other).num_attachments, 0);
	vgem_pfn_bo_check_mem(d->w.bo.fd, d->other, SIZE, 2);
	close(d->other_dmabuf);
	vgem_pfn_gem_close(d->w.bo.fd, d->other);
	waiter_end(&d->w);
}

/* A signal to the vCPU ends the delay of an update of the memslots. */
static void test_slots(int fd)
{
	struct vm_pages before;
	struct deleter d;

	deleter_start(&d, fd, &before);
	pfn_thread_signal(&d.w.cpu->thread);
	pfn_thread_join(&d.w.cpu->thread);
	pfn_hold_assert(&d.w.hold, d.w.cpu->ret == -EINTR);
	pfn_thread_join(&d.thread);
	igt_assert_eq(d.ret, 0);
	igt_assert(pfn_hold_pending(&d.w.hold));
	pfn_hold_end(&d.w.hold);
	deleter_end(&d);
}

/* A slot that is being deleted has mappings, and a move removes them. */
static void test_invalid(int fd)
{
	struct vm_pages before;
	struct deleter d;

	deleter_start(&d, fd, &before);
	vm_assert_pages(vm_pages_since(&d.w.bo.vm, before), SIZE / PFN_PAGE_SIZE, 0, 0);
	vgem_pfn_bo_move(fd, d.other, VGEM_PFN_TT);
	igt_assert(!d.thread.done);
	vm_assert_pages(vm_pages_since(&d.w.bo.vm, before), 0, 0, 0);
	pfn_hold_end(&d.w.hold);
	waiter_join(&d.w);
	pfn_thread_join(&d.thread);
	deleter_end(&d);
}

void kvm_fence_tests(int fd)
{
	igt_describe("The guest continues when the copy is done.");
	igt_subtest("fence")
		test_fence(fd);

	igt_describe("A signal ends the wait, and KVM_RUN fails with EINTR.");
	igt_subtest("fence-interrupted")
		test_interrupted(fd);

	igt_describe("If the buffer moves during the wait, the guest accesses its new memory.");
	igt_subtest("fence-moved")
		test_moved(fd);

	igt_describe("A signal ends the wait of KVM_PRE_FAULT_MEMORY.");
	igt_subtest("fence-prefault")
		test_prefault(fd);

	igt_describe("An update of memslots waits until the vCPU gets a signal.");
	igt_subtest("fence-slots")
		test_slots(fd);

	igt_describe("A move unmaps a slot that is being deleted.");
	igt_subtest("fence-deleted")
		test_invalid(fd);
}
