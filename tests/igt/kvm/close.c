// SPDX-License-Identifier: MIT
/* Subtests of the order in which a buffer, its slot and their files are closed. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include "igt.h"
#include "kvm.h"

#define SIZE		(64 * KiB)
#define NUM_ORDERS	120	/* NUM_ITEMS factorial */

enum item {
	ITEM_SLOT,
	ITEM_DMABUF,
	ITEM_HANDLE,
	ITEM_DEVICE,
	ITEM_VM,
	NUM_ITEMS,
};

struct user {
	struct vm_bo bo;
	bool held[NUM_ITEMS];
};

static void let_go(struct user *u, enum item item)
{
	u->held[item] = false;
	switch (item) {
	case ITEM_SLOT:
		/* The end of the VM has removed its slots. */
		if (u->held[ITEM_VM])
			vm_unmap(&u->bo.vm);
		break;
	case ITEM_DMABUF:
		close(u->bo.dmabuf);
		break;
	case ITEM_HANDLE:
		/* Closing the device has closed its handles. */
		if (u->held[ITEM_DEVICE])
			vgem_pfn_gem_close(u->bo.fd, u->bo.handle);
		break;
	case ITEM_DEVICE:
		close(u->bo.fd);
		break;
	default:
		vm_destroy(&u->bo.vm);
	}
}

static void check_order(const int *order)
{
	struct user u;
	int i;

	vm_bo_create(&u.bo, vgem_pfn_open(), SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	vm_map(&u.bo.vm, u.bo.dmabuf, 0, VM_GPA, SIZE);
	vm_fill(&u.bo.vm, VM_GPA, SIZE, 8, 0);
	for (i = 0; i < NUM_ITEMS; i++)
		u.held[i] = true;
	for (i = 0; i < NUM_ITEMS; i++) {
		let_go(&u, order[i]);
		if (u.held[ITEM_HANDLE] && u.held[ITEM_DEVICE])
			vgem_pfn_bo_move(u.bo.fd, u.bo.handle,
					 i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		if (u.held[ITEM_SLOT] && u.held[ITEM_VM]) {
			vm_check(&u.bo.vm, VM_GPA, SIZE, 8, i);
			vm_fill(&u.bo.vm, VM_GPA, SIZE, 8, i + 1);
		}
	}
}

static void test_every_order(int fd, int step)
{
	uint64_t used = vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used;
	int order[NUM_ITEMS], n;

	for (n = 0; n < NUM_ORDERS; n += step) {
		pfn_nth_order(n, order, NUM_ITEMS);
		check_order(order);
	}
	igt_assert_lte_u64(vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).used, used);
}

/* A process is killed while its vCPU runs and its buffer moves. */
static void test_exit(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	int dmabuf = vgem_pfn_export(fd, handle), round, i, status;
	struct vm vm;
	pid_t pid;

	for (round = 0; round < 5; round++) {
		vm_loop_set(fd, handle, VM_GPA, SIZE, 1024, 7);
		pid = fork();
		igt_assert_lte(0, pid);
		if (!pid) {
			vm_create(&vm);
			vm_map(&vm, dmabuf, 0, VM_GPA, SIZE);
			vm_loop_start(&vm.cpu[0], VM_GPA, SIZE, 1024, 7);
			for (;;)
				pause();
		}
		while (!vgem_pfn_bo_query(fd, handle).num_attachments)
			sched_yield();
		for (i = 0; i < 10; i++)
			vgem_pfn_bo_move(fd, handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		kill(pid, SIGKILL);
		for (i = 0; vgem_pfn_bo_query(fd, handle).num_attachments; i++)
			vgem_pfn_bo_move(fd, handle, i % 2 ? VGEM_PFN_CARVEOUT : VGEM_PFN_TT);
		igt_assert_eq(waitpid(pid, &status, 0), pid);
		vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	}
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

/*
 * A process creates a VM and exits, but its child still has the descriptors: the VM exists
 * and cannot run, and the buffer can be moved. The child sends the result of KVM_RUN.
 */
static void test_inherited(int fd)
{
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT, VGEM_PFN_TT);
	int dmabuf = vgem_pfn_export(fd, handle), to_child[2], from_child[2], ret;

	igt_assert_eq(pipe(to_child), 0);
	igt_assert_eq(pipe(from_child), 0);
	igt_fork(child, 1) {
		struct vm vm;

		vm_create(&vm);
		vm_map(&vm, dmabuf, 0, VM_GPA, SIZE);
		vm_fill(&vm, VM_GPA, SIZE, 8, 1);
		if (!fork()) {
			/* The mm of the VM is that of the parent. */
			close(to_child[1]);
			if (read(to_child[0], &ret, 1))
				abort();
			ret = __vm_run(&vm.cpu[0]);
			_exit(write(from_child[1], &ret, sizeof(ret)) != sizeof(ret));
		}
	}
	igt_waitchildren();
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments, 1);
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_TT);
	vgem_pfn_bo_check_mem(fd, handle, SIZE, 1);
	close(to_child[1]);
	close(from_child[1]);
	igt_assert_eq(read(from_child[0], &ret, sizeof(ret)), sizeof(ret));
	igt_assert_eq(ret, -EIO);
	while (vgem_pfn_bo_query(fd, handle).num_attachments)
		sched_yield();
	vgem_pfn_bo_move(fd, handle, VGEM_PFN_CARVEOUT);
	vgem_pfn_bo_check_mem(fd, handle, SIZE, 1);
	close(to_child[0]);
	close(from_child[0]);
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void kvm_close_tests(int fd)
{
	igt_describe("The guest accesses the buffer until its slot or VM is closed, in any order.");
	igt_subtest("close-every-order")
		test_every_order(fd, 17);

	igt_describe("Like close-every-order, with all orders.");
	igt_subtest("close-every-order-long")
		test_every_order(fd, 1);

	igt_describe("The end of a process ends its VM, while its vCPU runs.");
	igt_subtest("close-exit")
		test_exit(fd);

	igt_describe("A VM whose creator has exited cannot run, and its buffer can move.");
	igt_subtest("close-inherited")
		test_inherited(fd);
}
