// SPDX-License-Identifier: MIT
/**
 * TEST: vgem pfn kvm
 * Category: Core
 * Mega feature: General Core features
 * Sub-category: dma-buf
 * Description: Buffers of vgem_pfn as memory of virtual machines: memslots of KVM that are
 *		backed by a dma-buf and have no userspace address.
 *
 * SUBTEST: map
 * Description: A buffer in each kind of memory is read and written by a guest, and is
 *		mapped by pages that are as large as the memory allows.
 *
 * SUBTEST: map-long
 * Description: Like map, with more huge pages.
 *
 * SUBTEST: map-scattered
 * Description: Like map, with buffers that have as many ranges as pages, and ranges of 2,
 *		of 8 and of 256 pages.
 *
 * SUBTEST: map-scattered-long
 * Description: Like map-scattered, with larger buffers.
 *
 * SUBTEST: map-part
 * Description: Slots that begin at any page of the buffer and at any guest address are
 *		mapped by huge pages where both are aligned alike.
 *
 * SUBTEST: map-address
 * Description: Mapping and unmapping memory of the process at low addresses does not unmap a
 *		buffer, whose slot has no address.
 *
 * SUBTEST: giant
 * Description: 2 GiB in a carveout are mapped by two entries of 1 GiB.
 *
 * SUBTEST: prefault
 * Description: KVM_PRE_FAULT_MEMORY maps a buffer, and a move unmaps it.
 *
 * SUBTEST: move
 * Description: A vCPU changes and compares words all the time, while the buffer moves
 *		between all regions. Between two moves it makes progress. The process
 *		never maps the buffer.
 *
 * SUBTEST: move-long
 * Description: Like move, with 10,000 moves.
 *
 * SUBTEST: engine
 * Description: Like move, with copies by a copy engine, for which the vCPU waits.
 *
 * SUBTEST: evict
 * Description: Like move, with evictions because the carveout is full.
 *
 * SUBTEST: shrink
 * Description: Like move, with swap-outs by the shrinker of TTM.
 *
 * SUBTEST: pin
 * Description: Like move, with an importer that pins the buffer now and then.
 *
 * SUBTEST: levels
 * Description: After each move between scattered and contiguous memory, the statistics
 *		of KVM show no mapping, and after an access the expected ones.
 *
 * SUBTEST: cpus
 * Description: Like move, with two vCPUs in one huge page.
 *
 * SUBTEST: cpus-long
 * Description: Like cpus, with 1,000 moves.
 *
 * SUBTEST: fence
 * Description: A vCPU that accesses a buffer whose copy is pending waits for it.
 *
 * SUBTEST: fence-interrupted
 * Description: A signal ends the wait: KVM_RUN fails with EINTR, and can be repeated.
 *
 * SUBTEST: fence-moved
 * Description: If the buffer moves again while a vCPU waits for a copy, the vCPU accesses
 *		the new memory.
 *
 * SUBTEST: fence-prefault
 * Description: A signal ends the wait of KVM_PRE_FAULT_MEMORY.
 *
 * SUBTEST: fence-slots
 * Description: While a vCPU waits for a copy, the deletion of another slot waits. A signal
 *		to the vCPU ends both.
 *
 * SUBTEST: fence-deleted
 * Description: A move unmaps a buffer whose slot is being deleted.
 *
 * SUBTEST: slot-replace
 * Description: A slot is deleted, and created again with another buffer.
 *
 * SUBTEST: slot-delete
 * Description: If a slot is deleted while a vCPU uses it, the next access exits as MMIO.
 *
 * SUBTEST: slot-many
 * Description: A buffer is in four slots and in two VMs, and a move unmaps all of them.
 *
 * SUBTEST: slot-race
 * Description: Slots are created, used and deleted while their buffer moves.
 *
 * SUBTEST: slot-race-long
 * Description: Like slot-race, with 300 slots.
 *
 * SUBTEST: bad-range
 * Description: Ranges that are unaligned, not inside the buffer or in use are rejected.
 *
 * SUBTEST: bad-fields
 * Description: Invalid flags and slots, a userspace address and padding are rejected.
 *
 * SUBTEST: bad-file
 * Description: Descriptors that are no dma-buf, and dma-bufs of an exporter without
 *		page frame numbers, are rejected.
 *
 * SUBTEST: bad-mode
 * Description: A buffer that was exported read-only is rejected.
 *
 * SUBTEST: bad-change
 * Description: A slot can be deleted and logged, but neither moved, resized, nor given other
 *		memory.
 *
 * SUBTEST: bad-step
 * Description: If the exporter fails to attach, creating the slot fails with its error. If
 *		a lookup fails, KVM_RUN fails with EFAULT, and succeeds when repeated.
 *
 * SUBTEST: nth-slot
 * Description: If an allocation fails, no slot is created, and nothing is left behind.
 *
 * SUBTEST: nth-fault
 * Description: KVM_RUN fails if an allocation of a fault fails, and succeeds when repeated.
 *
 * SUBTEST: close-every-order
 * Description: In any order of deleting the slot and of closing the dma-buf, handle, device
 *		and VM, the guest has the memory while the slot exists, and all memory is
 *		freed. Every 17th order is tested.
 *
 * SUBTEST: close-every-order-long
 * Description: Like close-every-order, with all orders.
 *
 * SUBTEST: close-exit
 * Description: Killing a process while its vCPU runs and the buffer moves frees the buffer.
 *
 * SUBTEST: close-inherited
 * Description: A VM whose descriptors outlive its process cannot run, and its buffer
 *		moves.
 *
 * SUBTEST: share
 * Description: A VM, a process and the device of the reference importer see one memory
 *		while it moves.
 *
 * SUBTEST: share-long
 * Description: Like share, with 10,000 moves.
 *
 * SUBTEST: read-only
 * Description: The guest reads a read-only slot while the buffer moves, and its writes
 *		exit as MMIO. The file of the buffer may be read-only.
 *
 * SUBTEST: dirty
 * Description: The log has exactly the pages that the guest has written, although the
 *		buffer moves. When logging ends, the buffer has huge mappings again.
 *
 * SUBTEST: dirty-scattered
 * Description: When logging of a scattered buffer ends, each page is still mapped to its
 *		own memory.
 *
 * SUBTEST: dirty-running
 * Description: Logging is switched on and off while a vCPU writes and the buffer moves.
 *
 * SUBTEST: dirty-ring
 * Description: The ring of a vCPU has the pages that the guest has written, although the
 *		buffer moves.
 *
 * SUBTEST: access-emulated
 * Description: String instructions between a port and a buffer, which KVM emulates, exit
 *		as MMIO.
 *
 * SUBTEST: access-shared
 * Description: If the guest gives KVM an address in a buffer for a structure such as a
 *		clock, KVM does not write to the buffer.
 *
 * SUBTEST: access-tables
 * Description: Page tables of the guest in a buffer work while the buffer moves.
 *		KVM_TRANSLATE does not find them.
 *
 * SUBTEST: access-code
 * Description: A buffer that moves has the guest's code.
 *
 * SUBTEST: smm-move
 * Description: Like move, with a slot of the address space for system management mode.
 *
 * SUBTEST: smm-spaces
 * Description: Two buffers at one address, one for each address space: each is seen in its
 *		mode, and each moves.
 *
 * SUBTEST: nested-move
 * Description: Like move, with a guest of the guest, which KVM runs with shadow page
 *		tables. Needs SVM.
 *
 * SUBTEST: nested-control
 * Description: KVM cannot read a control block in a buffer. VMRUN ends KVM_RUN with
 *		KVM_EXIT_INTERNAL_ERROR.
 *
 * SUBTEST: nested-tables
 * Description: With nested page tables in a buffer, VMRUN exits by a nested page fault.
 *
 * SUBTEST: plain-move
 * Description: Like move, with a memslot over a mapping of the process.
 *
 * SUBTEST: plain-signals
 * Description: Like plain-move, with a signal to the vCPU after each move.
 *
 * SUBTEST: plain-compare
 * Description: After a move, a buffer of 4 MiB needs two faults, and over a mapping of the
 *		process 1,024. The time of a fault is printed.
 *
 * SUBTEST: plain-signal
 * Description: A signal ends KVM_RUN if the fault handler of the process waits.
 *
 * SUBTEST: shadow-move
 * Description: Like move, without nested paging: KVM makes shadow page tables.
 *
 * SUBTEST: shadow-paging
 * Description: Like shadow-move, with a guest that has page tables in its RAM.
 *
 * SUBTEST: shadow-levels
 * Description: Like levels, without nested paging.
 *
 * SUBTEST: shadow-dirty
 * Description: Like dirty, without nested paging.
 *
 * SUBTEST: shadow-tables
 * Description: Without nested paging, KVM cannot read page tables in a buffer. The guest's
 *		access ends the VM by a shutdown.
 *
 * SUBTEST: unplug
 * Description: Unplugging the device ends KVM_RUN with EFAULT and KVM_EXIT_MEMORY_FAULT.
 *
 * SUBTEST: unplug-create
 * Description: A slot of a buffer of an unplugged device is rejected.
 *
 * SUBTEST: unplug-late
 * Description: A VM with a slot ends after its device was unplugged and plugged again.
 */
#include "igt.h"
#include "kvm.h"
#include "pfn_nth.h"

IGT_TEST_DESCRIPTION("Buffers as memory of virtual machines, which follow their moves");

int igt_main()
{
	static int fd = -1;

	igt_fixture() {
		struct vm vm;

		fd = vgem_pfn_open();
		vgem_pfn_reset_on_exit();
		pfn_fault_disarm_on_exit();
		vm_create(&vm);
		vm_destroy(&vm);
	}

	kvm_map_tests(fd);
	kvm_move_tests(fd);
	kvm_fence_tests(fd);
	kvm_slot_tests(fd);
	kvm_bad_tests(fd);
	kvm_nth_tests(fd);
	kvm_close_tests(fd);
	kvm_share_tests(fd);
	kvm_log_tests(fd);
	kvm_access_tests(fd);
	kvm_smm_tests(fd);
	kvm_nested_tests(fd);
	kvm_plain_tests(fd);
	kvm_shadow_tests(fd);

	igt_fixture()
		close(fd);

	kvm_unplug_tests();
}
