// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/pfn_mem is for tests in guests what /dev/mem is on a kernel without
 * STRICT_DEVMEM: it reads and writes any memory by physical address. Debian's kernels
 * restrict /dev/mem. Only the harness builds and loads this module.
 */

#include <linux/fs.h>
#include <linux/io.h>
#include <linux/memory_hotplug.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>

/* Copy up to the end of the page at @pos. Memory that is not RAM is mapped meanwhile. */
static ssize_t pfn_mem_access(char __user *data, size_t size, loff_t *pos, bool write)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(*pos));
	phys_addr_t start = *pos & PAGE_MASK;
	unsigned long left;
	void *map;

	size = min_t(size_t, size, PAGE_SIZE - offset_in_page(*pos));
	map = page ? page_address(page) : memremap(start, PAGE_SIZE, MEMREMAP_WB);
	if (!map)
		return -EFAULT;

	if (write)
		left = copy_from_user(map + offset_in_page(*pos), data, size);
	else
		left = copy_to_user(data, map + offset_in_page(*pos), size);
	if (!page)
		memunmap(map);
	if (left)
		return -EFAULT;

	*pos += size;
	return size;
}

static ssize_t pfn_mem_read(struct file *file, char __user *data, size_t size,
			    loff_t *pos)
{
	return pfn_mem_access(data, size, pos, false);
}

static ssize_t pfn_mem_write(struct file *file, const char __user *data, size_t size,
			     loff_t *pos)
{
	return pfn_mem_access((char __user *)data, size, pos, true);
}

static const struct file_operations pfn_mem_fops = {
	.owner = THIS_MODULE,
	.read = pfn_mem_read,
	.write = pfn_mem_write,
	.llseek = default_llseek,
};

static struct miscdevice pfn_mem_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pfn_mem",
	.fops = &pfn_mem_fops,
	.mode = 0600,
};
module_misc_device(pfn_mem_device);

MODULE_DESCRIPTION("Access to all memory, for tests");
MODULE_LICENSE("GPL");
