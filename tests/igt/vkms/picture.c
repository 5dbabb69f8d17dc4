// SPDX-License-Identifier: MIT
/*
 * Subtest that keeps a picture for people to look at: the writeback of a frame that had
 * been evicted.
 */
#include <cairo.h>
#include <math.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "igt.h"
#include "igt_crc.h"
#include "vkms.h"

/* Cairo's built-in font: the guest has no others. */
#define TYPEFACE	"@cairo:"

/* Size of a background field in pixels */
#define FIELD		40

struct painting {
	cairo_surface_t *surface;
	cairo_t *cr;
	double width;
	double height;
};

static cairo_surface_t *surface_of(const struct stage *stage, void *pixels)
{
	const drmModeModeInfo *mode = &stage->kms.mode;

	return cairo_image_surface_create_for_data(pixels, CAIRO_FORMAT_RGB24,
						   mode->hdisplay, mode->vdisplay,
						   mode->hdisplay * 4);
}

static struct painting painting_begin(const struct stage *stage, void *pixels)
{
	struct painting p = {
		.surface = surface_of(stage, pixels),
		.width = stage->kms.mode.hdisplay,
		.height = stage->kms.mode.vdisplay,
	};

	p.cr = cairo_create(p.surface);
	cairo_select_font_face(p.cr, TYPEFACE, CAIRO_FONT_SLANT_NORMAL,
			       CAIRO_FONT_WEIGHT_NORMAL);
	return p;
}

static void painting_end(struct painting *p)
{
	igt_assert_eq(cairo_status(p->cr), CAIRO_STATUS_SUCCESS);
	cairo_destroy(p->cr);
	cairo_surface_finish(p->surface);
	cairo_surface_destroy(p->surface);
}

__attribute__((format(printf, 4, 5)))
static void write_line(struct painting *p, double y, double size,
		       const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cairo_set_font_size(p->cr, size);
	cairo_set_source_rgb(p->cr, 1, 1, 1);
	cairo_move_to(p->cr, 24, y);
	cairo_show_text(p->cr, text);
}

static void dark_box(struct painting *p, double y, double height)
{
	cairo_set_source_rgb(p->cr, 0.05, 0.05, 0.1);
	cairo_rectangle(p->cr, 12, y, p->width - 24, height);
	cairo_fill(p->cr);
}

/* Paint a field; each has a different color. */
static void paint_field(struct painting *p, int x, int y)
{
	double hue = (x + y * 0.25) / 19 * 2 * M_PI, light = 1 - y * 0.045;

	cairo_set_source_rgb(p->cr, light * (0.5 + 0.45 * cos(hue)),
			     light * (0.5 + 0.45 * cos(hue - 2 * M_PI / 3)),
			     light * (0.5 + 0.45 * cos(hue + 2 * M_PI / 3)));
	cairo_rectangle(p->cr, x * FIELD, y * FIELD, FIELD, FIELD);
	cairo_fill(p->cr);
}

/* The background has no repetitions, so that a misplaced page would be visible. */
static void paint_background(struct painting *p)
{
	int i, x, y;

	for (y = 0; y < p->height / FIELD; y++)
		for (x = 0; x < p->width / FIELD; x++)
			paint_field(p, x, y);

	cairo_set_source_rgb(p->cr, 1, 1, 1);
	cairo_set_line_width(p->cr, 1.5);
	for (i = 1; i <= 5; i++) {
		cairo_arc(p->cr, p->width / 2, p->height / 2, i * 60 - 20, 0,
			  2 * M_PI);
		cairo_stroke(p->cr);
	}
	for (i = 0; i < 2; i++) {
		cairo_move_to(p->cr, i * p->width, 0);
		cairo_line_to(p->cr, !i * p->width, p->height);
		cairo_stroke(p->cr);
	}
}

static const char *region_name(const struct frame *frame)
{
	static struct drm_vgem_pfn_region region;

	region = vgem_pfn_region(frame->fd,
				 vgem_pfn_bo_region(frame->fd, frame->handle));
	return (const char *)region.name;
}

static unsigned long long first_pfn(const struct frame *frame)
{
	return vgem_pfn_bo_pfn(frame->fd, frame->handle, 0);
}

/* CRC-32 of the output that was written back last */
static uint32_t crc_of_output(const struct stage *stage)
{
	return igt_cpu_crc32(stage->pixels, pfn_kms_pixels(&stage->kms) * 4);
}

/* Assert that the output matches the buffer. Returns the CRC-32. */
static uint32_t check_picture(struct stage *stage, const void *contents)
{
	uint32_t first;

	stage_write_back(stage);
	stage_want(stage, contents);
	igt_assert_eq_u32(stage_compare(stage, &first), 0);
	return crc_of_output(stage);
}

static void write_png(struct stage *stage, const char *dir)
{
	cairo_surface_t *surface = surface_of(stage, stage->pixels);
	char path[256];

	snprintf(path, sizeof(path), "%s/vkms.png", dir);
	igt_assert_eq(cairo_surface_write_to_png(surface, path),
		      CAIRO_STATUS_SUCCESS);
	cairo_surface_destroy(surface);
}

/* Lines in the format of the "make run" story: tests/guest/programs/story.c */
static FILE *open_story(const char *dir)
{
	char path[256] = "/dev/null";
	FILE *file;

	if (dir)
		snprintf(path, sizeof(path), "%s/vkms.txt", dir);
	file = fopen(path, "we");
	igt_assert_f(file, "cannot write %s\n", path);
	return file;
}

__attribute__((format(printf, 3, 4)))
static void print_line(FILE *story, const char *what, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(story, "%-13s ", what);
	vfprintf(story, format, args);
	fprintf(story, "\n");
	va_end(args);
}

static void test_picture(struct stage *stage, int fd, const char *dir)
{
	struct frame first = frame_create(stage, fd, 1, VGEM_PFN_CARVEOUT);
	struct frame second = frame_create(stage, fd, 2, VGEM_PFN_CARVEOUT);
	void *map = vgem_pfn_bo_mmap(fd, first.handle, stage->size,
				     PROT_READ | PROT_WRITE);
	unsigned long long pfn = first_pfn(&first);
	uint32_t before, other, after, final;
	FILE *story = open_story(dir);
	struct painting p;

	p = painting_begin(stage, map);
	paint_background(&p);
	dark_box(&p, 24, 96);
	write_line(&p, 58, 26, "vgem_pfn on a display of vkms");
	write_line(&p, 84, 15, "This much was drawn in %s, at pfn %#llx,",
		   region_name(&first), pfn);
	write_line(&p, 106, 15, "before the buffer left the screen and was evicted.");
	painting_end(&p);

	pfn_kms_show(&stage->kms, first.fb);
	before = check_picture(stage, map);
	print_line(story, "vkms", "shows a picture of %dx%d in %s at pfn %#llx, CRC %08x",
		   (int)p.width, (int)p.height, region_name(&first), pfn, before);

	pfn_kms_show(&stage->kms, second.fb);
	stage_check(stage, 2);
	other = crc_of_output(stage);
	vgem_pfn_evict_all();
	frame_assert(&first, VGEM_PFN_TT, 0);
	igt_assert_neq_u64(first_pfn(&first), pfn);
	print_line(story, "", "shows another, CRC %08x; the first evicted to %s, pfn %#llx",
		   other, region_name(&first), first_pfn(&first));

	pfn_kms_show(&stage->kms, first.fb);
	after = check_picture(stage, map);
	print_line(story, "", "shows the first again, CRC %08x", after);
	/* The buffer still has the contents that were drawn. */
	igt_assert_eq_u32(after, before);

	p = painting_begin(stage, map);
	dark_box(&p, p.height - 100, 76);
	write_line(&p, p.height - 70, 15, "Now it is in %s, at pfn %#llx, where this was drawn.",
		   region_name(&first), first_pfn(&first));
	write_line(&p, p.height - 42, 15, "CRC without this box: %08x before, %08x after",
		   before, after);
	painting_end(&p);
	final = check_picture(stage, map);
	igt_assert_neq_u32(final, after);
	if (dir) {
		write_png(stage, dir);
		print_line(story, "", "shows the new text, saved in vkms.png, CRC %08x", final);
	}

	igt_assert_eq(fclose(story), 0);
	munmap(map, stage->size);
	pfn_kms_hide(&stage->kms);
	frame_destroy(stage, &second);
	frame_destroy(stage, &first);
}

void vkms_picture_tests(int fd, const char *dir)
{
	struct stage stage;

	igt_describe("A drawing is unchanged after an eviction.");
	igt_subtest("picture") {
		stage_open(&stage);
		test_picture(&stage, fd, dir);
		stage_close(&stage);
	}
}
