# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# Loading and unloading modules. Each line of a list is a module's name and its
# parameters, in the order of loading. MODPARAM_<module> on the kernel's command
# line adds a parameter.

# load_module NAME [PARAM...]: returns 0 if the module is loaded afterwards.
load_module()
{
	_name=$(echo "$1" | tr - _)
	eval "_extra=\${MODPARAM_$_name:-}"
	# shellcheck disable=SC2086,SC2154 # words, from the eval above
	if _err=$(/sbin/modprobe "$@" $_extra 2>&1) && [ -d "/sys/module/$_name" ]; then
		ok "module/$1"
		return 0
	fi
	_log=$(dmesg | grep -F "$_name: " | tail -n 1)
	not_ok "module/$1" "does not load: ${_err:-no error given} ${_log:+(log: $_log)}"
	return 1
}

# load_modules LIST...
load_modules()
{
	_failed=0
	for _list in "$@"; do
		grep -v '^#' "/vgem_pfn/guest/$_list"
	done > /run/modules
	while read -r _line; do
		progress "loading $_line"
		# shellcheck disable=SC2086 # name and parameters are words
		if load_module $_line; then
			echo "${_line%% *}" >> /run/loaded
		else
			_failed=1
		fi
	done < /run/modules
	return $_failed
}

# unload_module NAME COMMAND...: reports a failure if the module stays loaded.
unload_module()
{
	_m=$1
	_name=$(echo "$1" | tr - _)
	shift
	[ -d "/sys/module/$_name" ] || return 0
	[ -f "/sys/module/$_name/refcnt" ] || return 0 # built in
	if _err=$("$@" "$_m" 2>&1) && [ ! -d "/sys/module/$_name" ]; then
		ok "module/$_m/unload"
	else
		not_ok "module/$_m/unload" "${_err:-still loaded}"
	fi
}

# Unload all modules in reverse order, and the modules that they depend on.
unload_modules()
{
	keep_symbols
	sed '1!G;h;$!d' /run/loaded > /run/reversed
	while read -r _line; do
		# That of Debian's 7.3 warns, with its console in a buffer.
		if [ "$_line" = virtio-gpu ] && [ -n "${STOCK:-}" ]; then
			skip "module/virtio-gpu/unload" "it is not ours, and warns"
			continue
		fi
		progress "unloading $_line"
		unload_module "$_line" /sbin/modprobe -r
	done < /run/reversed
}
