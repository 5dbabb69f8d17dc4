// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memslots that are backed by a dma-buf, with buffers of udmabuf. These do not move; the
 * tests of moves need an exporter that can.
 */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/udmabuf.h>

#include "kvm_test_harness.h"
#include "kvm_util.h"
#include "processor.h"
#include "test_util.h"

#define SLOT	10
#define GPA	BIT(32)
#define PAGES	16
#define SIZE	(PAGES * 4096UL)

/* A udmabuf and the memfd whose pages it has */
struct buffer {
	int memfd;
	int dmabuf;
	u64 *map;
};

static struct buffer buffer_create(void)
{
	struct udmabuf_create create = { .size = SIZE };
	struct buffer b;
	int udmabuf;

	udmabuf = open_path_or_exit("/dev/udmabuf", O_RDWR);
	b.memfd = memfd_create("dmabuf_test", MFD_ALLOW_SEALING);
	TEST_ASSERT(b.memfd >= 0 && !ftruncate(b.memfd, SIZE) &&
		    !fcntl(b.memfd, F_ADD_SEALS, F_SEAL_SHRINK), "no memfd");
	create.memfd = b.memfd;
	b.dmabuf = ioctl(udmabuf, UDMABUF_CREATE, &create);
	TEST_ASSERT(b.dmabuf >= 0, "UDMABUF_CREATE failed: %d", errno);
	b.map = kvm_mmap(SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b.memfd);
	close(udmabuf);
	return b;
}

static void buffer_destroy(struct buffer *b)
{
	kvm_munmap(b->map, SIZE);
	close(b->dmabuf);
	close(b->memfd);
}

static struct kvm_userspace_memory_region2 region(struct buffer *b)
{
	return (struct kvm_userspace_memory_region2) {
		.slot = SLOT,
		.flags = KVM_MEM_DMABUF,
		.guest_phys_addr = GPA,
		.memory_size = SIZE,
		.dmabuf_fd = b->dmabuf,
	};
}

static int set_region(struct kvm_vm *vm, struct kvm_userspace_memory_region2 r)
{
	return ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION2, &r) ? errno : 0;
}

static void delete_region(struct kvm_vm *vm)
{
	struct kvm_userspace_memory_region2 r = { .slot = SLOT };

	TEST_ASSERT_EQ(set_region(vm, r), 0);
}

/* Add 1 to the first word of each page, report it, and repeat. */
static void guest_add(void)
{
	u64 *words = (u64 *)GPA;
	int i;

	for (;;) {
		for (i = 0; i < PAGES; i++)
			WRITE_ONCE(words[i * 512], READ_ONCE(words[i * 512]) + 1);
		GUEST_SYNC(0);
	}
}

static void guest_write(void)
{
	WRITE_ONCE(*(u64 *)(GPA + 4096), 5);
	GUEST_DONE();
}

static void run_add(struct kvm_vcpu *vcpu)
{
	struct ucall uc;

	vcpu_run(vcpu);
	TEST_ASSERT_EQ(get_ucall(vcpu, &uc), UCALL_SYNC);
}

FIXTURE(dmabuf) {
	struct kvm_vcpu *vcpu;
	struct buffer buffer;
};

FIXTURE_SETUP(dmabuf)
{
	struct kvm_vm *vm = vm_create_with_one_vcpu(&self->vcpu, NULL);

	self->buffer = buffer_create();
	virt_map(vm, GPA, GPA, PAGES);
}

FIXTURE_TEARDOWN(dmabuf)
{
	kvm_vm_free(self->vcpu->vm);
	buffer_destroy(&self->buffer);
}

TEST_F(dmabuf, errors)
{
	struct kvm_userspace_memory_region2 good = region(&self->buffer), r;
	struct kvm_vm *vm = self->vcpu->vm;

	r = good;
	r.dmabuf_fd = -1;
	EXPECT_EQ(set_region(vm, r), EBADF);
	r.dmabuf_fd = self->buffer.memfd;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	r = good;
	r.dmabuf_offset = 4096;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	r = good;
	r.userspace_addr = (uintptr_t)self->buffer.map;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	r = good;
	r.flags |= KVM_MEM_GUEST_MEMFD;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	r = good;
	r.pad1 = 1;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	r = good;
	r.pad2[13] = 1;
	EXPECT_EQ(set_region(vm, r), EINVAL);

	EXPECT_EQ(set_region(vm, good), 0);
	r = good;
	r.guest_phys_addr += SIZE;
	EXPECT_EQ(set_region(vm, r), EINVAL);
	delete_region(vm);
}

TEST_F(dmabuf, contents)
{
	struct kvm_vm *vm = self->vcpu->vm;
	int round, i;

	vcpu_arch_set_entry_point(self->vcpu, guest_add);
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(set_region(vm, region(&self->buffer)), 0);
		for (i = 0; i < PAGES; i++)
			self->buffer.map[i * 512] = 100 * round + i;
		run_add(self->vcpu);
		for (i = 0; i < PAGES; i++)
			EXPECT_EQ(self->buffer.map[i * 512], 100 * round + i + 1);
		delete_region(vm);
	}
}

TEST_F(dmabuf, dirty_log)
{
	struct kvm_userspace_memory_region2 r = region(&self->buffer);
	struct kvm_vm *vm = self->vcpu->vm;
	u64 bitmap = 0;

	vcpu_arch_set_entry_point(self->vcpu, guest_add);
	ASSERT_EQ(set_region(vm, r), 0);
	run_add(self->vcpu);

	r.flags |= KVM_MEM_LOG_DIRTY_PAGES;
	ASSERT_EQ(set_region(vm, r), 0);
	kvm_vm_get_dirty_log(vm, SLOT, &bitmap);
	EXPECT_EQ(bitmap, 0);
	run_add(self->vcpu);
	kvm_vm_get_dirty_log(vm, SLOT, &bitmap);
	EXPECT_EQ(bitmap, (1UL << PAGES) - 1);

	r.flags &= ~KVM_MEM_LOG_DIRTY_PAGES;
	ASSERT_EQ(set_region(vm, r), 0);
	run_add(self->vcpu);
	EXPECT_EQ(self->buffer.map[0], 3);
}

TEST_F(dmabuf, read_only)
{
	struct kvm_userspace_memory_region2 r = region(&self->buffer);
	struct kvm_vcpu *vcpu = self->vcpu;

	vcpu_arch_set_entry_point(vcpu, guest_write);
	r.flags |= KVM_MEM_READONLY;
	ASSERT_EQ(set_region(vcpu->vm, r), 0);
	vcpu_run(vcpu);
	TEST_ASSERT_KVM_EXIT_REASON(vcpu, KVM_EXIT_MMIO);
	EXPECT_EQ(vcpu->run->mmio.phys_addr, GPA + 4096);
	EXPECT_EQ(vcpu->run->mmio.is_write, 1);
	EXPECT_EQ(self->buffer.map[512], 0);
}

int main(int argc, char *argv[])
{
	TEST_REQUIRE(kvm_has_cap(KVM_CAP_DMABUF));
	return test_harness_run(argc, argv);
}
