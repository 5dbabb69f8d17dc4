/* SPDX-License-Identifier: GPL-2.0-only */
/* Scatter lists of BARs: not on kernels without the helpers. */

#if __has_include_next(<linux/dma-buf-mapping.h>)
#include_next <linux/dma-buf-mapping.h>
#elif !defined(__DMA_BUF_MAPPING_H__)
#define __DMA_BUF_MAPPING_H__

#include <linux/dma-buf.h>
#include <linux/err.h>

struct p2pdma_provider;

struct phys_vec {
	phys_addr_t paddr;
	u32 len;
};

static inline struct sg_table *
dma_buf_phys_vec_to_sgt(struct dma_buf_attachment *attach,
			struct p2pdma_provider *provider, struct phys_vec *phys_vec,
			size_t nr_ranges, size_t size, enum dma_data_direction dir)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void dma_buf_free_sgt(struct dma_buf_attachment *attach,
				    struct sg_table *sgt, enum dma_data_direction dir)
{
}

#endif
