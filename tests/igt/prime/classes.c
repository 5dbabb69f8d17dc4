// SPDX-License-Identifier: MIT
/*
 * Subtests of every class of import, with and without a device, with and without P2P:
 * which imports are rejected with which error, and what the others can do.
 */
#include <sys/mman.h>

#include "igt.h"
#include "prime.h"

#define SIZE		(64 * KiB)

#define PIN		DMA_BUF_PFN_IMPORT_PIN
#define REVOCABLE	DMA_BUF_PFN_IMPORT_REVOCABLE
#define STATIC		DMA_BUF_PFN_IMPORT_STATIC
#define P2P		DMA_BUF_PFN_IMPORT_P2P
#define DEVICE		DMA_BUF_PFN_IMPORT_DEVICE

const struct prime_class prime_classes[] = {
	{ "dynamic", 0, false },
	{ "pinned", PIN, true },
	{ "revocable", PIN | REVOCABLE, true },
	{ "static", STATIC, true },
	{ },
};

/* Count the attachments of the importer's device that debugfs lists, of all buffers. */
static int count_device(void)
{
	FILE *file = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	char line[256];
	int n = 0;

	igt_require_f(file, "no bufinfo\n");
	while (fgets(line, sizeof(line), file))
		n += !strcmp(line, "\tdma_buf_pfn_importer\n");
	fclose(file);
	return n;
}

static void use(int fd, int importer, const struct prime_class *class,
		uint32_t flags)
{
	int before = count_device();
	struct prime p = prime_create_flags(fd, importer, SIZE, 1,
					    class->flags | flags);
	uint32_t other;

	igt_info("%s, %s, %s\n", class->name,
		 flags & DEVICE ? "device" : "no device",
		 flags & P2P ? "peer" : "no peer");
	igt_assert_eq(count_device() - before, !!(flags & DEVICE));
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 1);

	/* Access by job, CPU and device, at the exporter's pfns */
	pfn_job_result(p.import, pfn_job_fill(p.import, 0, SIZE, 2, 0));
	prime_check(&p, 2);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).pin_count,
			  class->pins);

	other = vgem_pfn_bo_region(fd, p.handle) == VGEM_PFN_TT ?
		VGEM_PFN_CARVEOUT : VGEM_PFN_TT;
	igt_assert_eq(__vgem_pfn_bo_move(fd, p.handle, other),
		      class->pins ? -EBUSY : 0);
	prime_check(&p, 2);

	munmap(p.map, SIZE);
	close(p.import);
	igt_assert_eq(count_device(), before);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).num_attachments, 0);
	igt_assert_eq_u32(vgem_pfn_bo_query(fd, p.handle).pin_count, 0);
	vgem_pfn_bo_move(fd, p.handle, VGEM_PFN_TT);
	vgem_pfn_bo_check(fd, p.handle, SIZE, 2);
	close(p.dmabuf);
	vgem_pfn_gem_close(fd, p.handle);
}

static void test_class(int fd, int importer, const struct prime_class *class)
{
	static const uint32_t ways[] = { 0, DEVICE, P2P, DEVICE | P2P };
	uint32_t handle;
	size_t i;
	int dmabuf;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		if (!(class->flags & STATIC) || !(ways[i] & P2P)) {
			use(fd, importer, class, ways[i]);
			continue;
		}
		/* Static imports do not allow P2P. */
		handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_TT);
		dmabuf = vgem_pfn_export(fd, handle);
		igt_assert_eq(__pfn_import_flags(importer, dmabuf,
						 class->flags | ways[i], NULL),
			      -EINVAL);
		close(dmabuf);
		vgem_pfn_gem_close(fd, handle);
	}
}

static void test_carveout_only(int fd, int importer)
{
	const char *name = (char *)vgem_pfn_region(fd, VGEM_PFN_CARVEOUT).name;
	bool has_pages = !strncmp(name, "contig", strlen("contig"));
	bool bar = !strncmp(name, "bar", strlen("bar"));
	uint32_t handle = vgem_pfn_bo_create(fd, SIZE, VGEM_PFN_CARVEOUT);
	int dmabuf = vgem_pfn_export(fd, handle), ret, want;
	const struct prime_class *class;
	uint32_t way;

	for (class = prime_classes; class->name; class++) {
		for (way = 0; way <= (P2P | DEVICE); way += P2P) {
			if (class->flags & STATIC && way & P2P)
				continue;
			want = has_pages ? 0 : -EOPNOTSUPP;
			/* Only PCI devices can access a BAR. */
			if (way & P2P &&
			    !(bar && (class->flags == PIN || way & DEVICE)))
				want = 0;
			ret = __pfn_import_flags(importer, dmabuf,
						 class->flags | way, NULL);
			igt_assert_f(want ? ret == want : ret >= 0,
				     "%s, flags %#x: %d\n", class->name,
				     class->flags | way, ret);
			if (ret >= 0)
				close(ret);
			igt_assert_eq_u32(vgem_pfn_bo_query(fd, handle).num_attachments,
					  0);
		}
	}
	close(dmabuf);
	vgem_pfn_gem_close(fd, handle);
}

void prime_classes_tests(int fd, int importer)
{
	const struct prime_class *class;

	for (class = prime_classes; class->name; class++) {
		igt_describe_f("A %s import, with and without a device.",
			       class->name);
		igt_subtest_f("class-%s", class->name)
			test_class(fd, importer, class);
	}

	igt_describe("Memory without pages can be imported only with P2P.");
	igt_subtest("class-carveout-only")
		test_carveout_only(fd, importer);
}
