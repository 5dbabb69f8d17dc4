/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A 64 KiB firmware image that does the minimum of what a kernel does: leave real
 * mode, turn on paging in long mode, call a function and access memory in a loop.
 * Then it ends QEMU through isa-debug-exit with status (0x10 << 1) | 1 = 33. The
 * loop takes some tenths of a second with TCG, and a tenth of that with a working
 * KVM.
 *
 * Running in real mode is not enough: one /dev/kvm executed the first instructions
 * of this image and hung at the far jump to protected mode.
 *
 * Linked at 0xffff0000, where QEMU maps -bios; the processor starts at the reset
 * vector, 16 bytes before the end.
 */
#define ROUNDS	20000000

	.code16
rom:
	cli
	lgdtl	%cs:(gdtr - rom)
	movl	%cr0, %eax
	orb	$1, %al
	movl	%eax, %cr0
	ljmpl	$0x08, $protected

	.code32
protected:
	movw	$0x10, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	/* Tables at 0x1000: identity for the first 2 MiB and for this image. */
	movl	$0x2003, 0x1000
	movl	$0x3003, 0x2000
	movl	$0x4003, 0x2018
	movl	$0x0083, 0x3000
	movl	$0xffe00083, 0x4ff8
	movl	%cr4, %eax
	orl	$0x20, %eax		/* PAE */
	movl	%eax, %cr4
	movl	$0x1000, %eax
	movl	%eax, %cr3
	movl	$0xc0000080, %ecx	/* EFER.LME */
	rdmsr
	orl	$0x100, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$0x80000000, %eax	/* PG */
	movl	%eax, %cr0
	ljmp	$0x18, $long_mode

	.code64
long_mode:
	movl	$0x8000, %esp
	movl	$ROUNDS, %ecx
1:	movl	%ecx, %eax
	andl	$0xff8, %eax
	addl	%ecx, 0x9000(%rax)
	call	3f
	testl	$0x3ff, %ecx
	jnz	2f
	movq	%cr3, %rax		/* as a change of address space does */
	movq	%rax, %cr3
2:	decl	%ecx
	jnz	1b
	movb	$0x10, %al
	outb	%al, $0xf4
4:	hlt
	jmp	4b
3:	ret

	.balign	8
gdt:
	.quad	0
	.quad	0x00cf9b000000ffff	/* 08: 32-bit code */
	.quad	0x00cf93000000ffff	/* 10: data */
	.quad	0x00af9b000000ffff	/* 18: 64-bit code */
gdtr:
	.word	31
	.long	gdt

	.org	0xfff0
	.code16
	.byte	0xe9			/* jmp rom, from the reset vector */
	.word	0x10000 - 0xfff3
	.org	0x10000
