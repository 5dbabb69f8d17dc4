/* SPDX-License-Identifier: GPL-2.0-only */

#if __has_include_next(<drm/drm_dumb_buffers.h>)
#include_next <drm/drm_dumb_buffers.h>
#elif !defined(__DRM_DUMB_BUFFERS_H__)
#define __DRM_DUMB_BUFFERS_H__

#include <linux/math.h>
#include <linux/mm.h>
#include <linux/overflow.h>

#include <drm/drm_device.h>
#include <drm/drm_mode.h>

/* Without alignment, the only form that is used here */
static inline int drm_mode_size_dumb(struct drm_device *dev,
				     struct drm_mode_create_dumb *args,
				     unsigned long pitch_align,
				     unsigned long size_align)
{
	u32 pitch;

	if (pitch_align || size_align ||
	    check_mul_overflow(args->width, DIV_ROUND_UP(args->bpp, 8), &pitch))
		return -EINVAL;

	args->pitch = pitch;
	args->size = PAGE_ALIGN((u64)args->height * pitch);
	return args->size ? 0 : -EINVAL;
}

#endif
