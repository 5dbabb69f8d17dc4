/* SPDX-License-Identifier: MIT */
/*
 * What the tests use of KVM's API and the linux/kvm.h of some distributions lacks.
 */
#ifndef PFN_KVM_IOCTL_H
#define PFN_KVM_IOCTL_H

#include <linux/kvm.h>
#include <stdint.h>
#include <sys/ioctl.h>

#ifndef KVM_MEM_GUEST_MEMFD
#define KVM_MEM_GUEST_MEMFD	(1UL << 2)
#endif

#ifndef KVM_MEM_DMABUF
#define KVM_MEM_DMABUF		(1UL << 3)
#define KVM_CAP_DMABUF		252
#endif

#ifndef KVM_EXIT_MEMORY_FAULT
#define KVM_EXIT_MEMORY_FAULT	39
#endif

/* struct kvm_userspace_memory_region2 */
struct pfn_kvm_region {
	uint32_t slot;
	uint32_t flags;
	uint64_t guest_phys_addr;
	uint64_t memory_size;
	uint64_t userspace_addr;
	uint64_t dmabuf_offset;
	uint32_t dmabuf_fd;
	uint32_t pad1;
	uint64_t pad2[14];
};

/* struct kvm_pre_fault_memory */
struct pfn_kvm_prefault {
	uint64_t gpa;
	uint64_t size;
	uint64_t flags;
	uint64_t padding[5];
};

/* The member memory_fault of struct kvm_run */
struct pfn_kvm_memory_fault {
	uint64_t flags;
	uint64_t gpa;
	uint64_t size;
};

#define PFN_KVM_SET_REGION	_IOW(KVMIO, 0x49, struct pfn_kvm_region)
#define PFN_KVM_PREFAULT	_IOWR(KVMIO, 0xd5, struct pfn_kvm_prefault)

#endif /* PFN_KVM_IOCTL_H */
