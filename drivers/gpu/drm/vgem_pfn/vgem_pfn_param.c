// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parser of the "carveouts" module parameter. It needs no device, so KUnit
 * can test it.
 *
 *	carveouts = group *( ";" group )
 *	group     = [ "pci=" ] carveout *( "," carveout )
 *	carveout  = kind [ ":range" / ":buddy" ]
 *	kind      = "contig:" SIZE / "reserved:" SIZE "@" ADDRESS /
 *		    "bar:" ( SIZE / "rest" )
 */

#include <kunit/visibility.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "vgem_pfn_drv.h"

/* The name of each kind in the parameter, and in region and file names. */
static const char * const vgem_pfn_kind_names[] = {
	[VGEM_PFN_CONTIG] = "contig",
	[VGEM_PFN_RESERVED] = "reserved",
	[VGEM_PFN_BAR] = "bar",
};

/**
 * vgem_pfn_kind_name() - the name of a kind of carveout
 * @kind: the kind
 *
 * Return: the name in the module parameter.
 */
const char *vgem_pfn_kind_name(enum vgem_pfn_carveout_kind kind)
{
	return vgem_pfn_kind_names[kind];
}

/* Skip a word if a separator or the end of the string follows it. */
static bool vgem_pfn_param_word(const char **spec, const char *word)
{
	size_t len = str_has_prefix(*spec, word);

	if (!len || ((*spec)[len] && !strchr(":,;", (*spec)[len])))
		return false;

	*spec += len;
	return true;
}

static const char *
vgem_pfn_param_kind(const char **spec, struct vgem_pfn_carveout_config *config)
{
	unsigned int kind;

	for (kind = 0; kind < ARRAY_SIZE(vgem_pfn_kind_names); kind++) {
		if (!vgem_pfn_param_word(spec, vgem_pfn_kind_names[kind]))
			continue;
		if (**spec != ':')
			break;
		(*spec)++;
		config->kind = kind;
		return NULL;
	}
	return "a carveout is written contig:SIZE, reserved:SIZE@ADDRESS or bar:SIZE";
}

/* memparse() does not report errors, so check where it stopped. */
static bool vgem_pfn_param_number(const char **spec, u64 *number)
{
	char *end;

	*number = memparse(*spec, &end);
	if (end == *spec || **spec == '-' || (*end && !strchr("@:,;", *end)))
		return false;

	*spec = end;
	return true;
}

static const char *
vgem_pfn_param_memory(const char **spec, struct vgem_pfn_carveout_config *config)
{
	u64 size, address;

	if (config->kind == VGEM_PFN_BAR && vgem_pfn_param_word(spec, "rest"))
		return NULL;

	if (!vgem_pfn_param_number(spec, &size))
		return "the size is not a number with K, M, G or nothing after it";
	if (!size || !PAGE_ALIGNED(size))
		return "the size is not a positive multiple of the page size";
	config->num_pages = size >> PAGE_SHIFT;

	if (config->kind != VGEM_PFN_RESERVED)
		return **spec == '@' ? "only a reserved carveout has an address" : NULL;

	if (**spec != '@')
		return "a reserved carveout needs @ADDRESS";
	(*spec)++;
	if (!vgem_pfn_param_number(spec, &address) || **spec == '@')
		return "the address is not a number with K, M, G or nothing after it";
	if (!PAGE_ALIGNED(address) || address + size < address)
		return "the address is not a multiple of the page size, or too high";
	config->base = address;
	return NULL;
}

static const char *
vgem_pfn_param_carveout(const char **spec, struct vgem_pfn_carveout_config *config)
{
	const char *error;

	memset(config, 0, sizeof(*config));
	error = vgem_pfn_param_kind(spec, config) ?:
		vgem_pfn_param_memory(spec, config);
	if (error)
		return error;

	if (**spec == ':') {
		(*spec)++;
		if (vgem_pfn_param_word(spec, "buddy"))
			config->buddy = true;
		else if (!vgem_pfn_param_word(spec, "range"))
			return "the allocator is range or buddy";
	}
	return **spec == ':' ? "nothing comes after the allocator" : NULL;
}

static const char *
vgem_pfn_param_group(const char **spec, struct vgem_pfn_config *config, bool pci)
{
	const char *error;

	for (;;) {
		struct vgem_pfn_carveout_config *carveout;

		if (config->num_carveouts == VGEM_PFN_MAX_CARVEOUTS)
			return "too many carveouts";

		carveout = &config->carveouts[config->num_carveouts++];
		error = vgem_pfn_param_carveout(spec, carveout);
		if (error)
			return error;
		if (carveout->kind == VGEM_PFN_BAR && !pci)
			return "only a PCI device has a BAR: write pci=bar:SIZE";
		if (**spec != ',')
			return NULL;
		(*spec)++;
	}
}

/**
 * vgem_pfn_param_parse() - parse the "carveouts" module parameter
 * @spec: the parameter, see the head of this file
 * @params: [out] the carveouts of every device
 * @error: [out] error message
 *
 * Only checks the syntax. Memory is allocated when a device is created.
 *
 * Return: 0, or -EINVAL with @error set.
 */
int vgem_pfn_param_parse(const char *spec, struct vgem_pfn_params *params,
			 const char **error)
{
	static const char pci_prefix[] = "pci=";
	bool have_pci = false;

	memset(params, 0, sizeof(*params));
	params->pci.num_carveouts = 1;
	params->pci.carveouts[0].kind = VGEM_PFN_BAR;

	for (;;) {
		struct vgem_pfn_config *config;
		bool pci = str_has_prefix(spec, pci_prefix);

		*error = NULL;
		if (pci) {
			if (have_pci)
				*error = "there are two groups for PCI devices";
			have_pci = true;
			spec += strlen(pci_prefix);
			config = &params->pci;
			config->num_carveouts = 0;
		} else {
			if (params->num_faux == VGEM_PFN_MAX_DEVICES)
				*error = "too many groups of carveouts";
			else
				config = &params->faux[params->num_faux++];
		}
		if (!*error)
			*error = vgem_pfn_param_group(&spec, config, pci);
		if (*error)
			return -EINVAL;
		if (!*spec)
			break;
		if (*spec != ';') {
			*error = "carveouts are separated by commas, groups by semicolons";
			return -EINVAL;
		}
		spec++;
	}

	if (!params->num_faux) {
		*error = "there are no carveouts but those of PCI devices";
		return -EINVAL;
	}
	return 0;
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_param_parse);

/**
 * vgem_pfn_param_faux() - the carveouts of one faux device
 * @params: the parsed parameter
 * @index: the device's index
 *
 * Return: the group of that index, or the last one when there are fewer.
 */
const struct vgem_pfn_config *
vgem_pfn_param_faux(const struct vgem_pfn_params *params, unsigned int index)
{
	return &params->faux[min(index, params->num_faux - 1)];
}
EXPORT_SYMBOL_IF_KUNIT(vgem_pfn_param_faux);
