// SPDX-License-Identifier: MIT
/*
 * The code of the guest: 32 bits, flat segments, no paging, no stack. It is copied to
 * the address 0 of the guest.
 *
 * VM_WRITE and VM_CHECK: edi is the address, ecx the number of words, ebx their
 * distance, edx:eax the first value, ebp:esi what is added for the next one.
 *
 * VM_LOOP: esi is the first address, ebp the end, ebx the distance of words, edx the
 * tag, ecx the mailbox.
 *
 * VM_POKE and VM_PEEK: edi is the address, eax the word.
 *
 * VM_OUTS: esi is the address, edx the port. VM_INS: edi is the address. KVM emulates
 * both.
 *
 * VM_VMRUN: eax is the control block. The guest of the guest has the other registers.
 */
#include "kvm.h"

asm("	.pushsection .rodata\n"
"	.globl vm_code, vm_code_end\n"
"	.code32\n"
"vm_code:\n"
"vm_write:\n"
"1:	mov %eax, (%edi)\n"
"	mov %edx, 4(%edi)\n"
"	add %esi, %eax\n"
"	adc %ebp, %edx\n"
"	add %ebx, %edi\n"
"	dec %ecx\n"
"	jnz 1b\n"
"	hlt\n"
"vm_check_words:\n"
"1:	cmp %eax, (%edi)\n"
"	jne 2f\n"
"	cmp %edx, 4(%edi)\n"
"	jne 2f\n"
"	add %esi, %eax\n"
"	adc %ebp, %edx\n"
"	add %ebx, %edi\n"
"	dec %ecx\n"
"	jnz 1b\n"
"2:	hlt\n"
"vm_loop:\n"
"1:	mov %esi, %edi\n"
"2:	lea (%edi,%edx), %eax\n"
"	cmp %eax, (%edi)\n"
"	jne 3f\n"
"	add $0x01000193, %eax\n"
"	mov %eax, (%edi)\n"
"	incl (%ecx)\n"
"	add %ebx, %edi\n"
"	cmp %ebp, %edi\n"
"	jb 2b\n"
"	add $0x01000193, %edx\n"
"	cmpl $0, 4(%ecx)\n"
"	je 1b\n"
"	hlt\n"
"3:	mov %edi, 8(%ecx)\n"
"	hlt\n"
"vm_poke:\n"
"	mov %eax, (%edi)\n"
"	hlt\n"
"vm_peek:\n"
"	mov (%edi), %eax\n"
"	hlt\n"
"vm_outs:\n"
"	outsb\n"
"	hlt\n"
"vm_ins:\n"
"	insb\n"
"	hlt\n"
"vm_vmrun:\n"
"	vmrun\n"
"	hlt\n"
"vm_code_end:\n"
"	.code64\n"
"	.popsection\n");

extern const char vm_write[], vm_check_words[], vm_loop[], vm_poke[], vm_peek[],
		  vm_outs[], vm_ins[], vm_vmrun[];

uint32_t vm_entry_offset(enum vm_entry entry)
{
	switch (entry) {
	case VM_WRITE:
		return vm_write - vm_code;
	case VM_CHECK:
		return vm_check_words - vm_code;
	case VM_LOOP:
		return vm_loop - vm_code;
	case VM_POKE:
		return vm_poke - vm_code;
	case VM_PEEK:
		return vm_peek - vm_code;
	case VM_OUTS:
		return vm_outs - vm_code;
	case VM_INS:
		return vm_ins - vm_code;
	default:
		return vm_vmrun - vm_code;
	}
}
