# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=deb: the guest's root is Debian 13 with the packages of make deb installed, see
# tests/harness/deb-test.sh. Load the modules that DKMS has built, run DEB_TEST
# (program@subtest) and unload them. DEB_VERSION is the version that must be installed.
# With DEB_REMOVE=1, remove the packages. /dev/vdb has libigt, which Debian 13 has only in
# an older version.

DEB_PROGRAMS=/usr/libexec/vgem-pfn
DEB_IGT=/run/igt
# A writable copy of the root
DEB_ROOT=/run/root

# same NAME GOT WANT
same()
{
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "\"$2\", not \"$3\""; fi
}

# deb_test: the program and its libraries come from different releases of Debian.
deb_test()
{
	mkdir -p $DEB_IGT
	mount -t squashfs -o ro /dev/vdb $DEB_IGT || return
	IGT_FORCE_DRIVER=vgem_pfn detached $DEB_IGT/lib64/ld-linux-x86-64.so.2 \
		--library-path $DEB_IGT/usr/lib/x86_64-linux-gnu \
		"$DEB_PROGRAMS/${DEB_TEST%@*}" --run-subtest "${DEB_TEST#*@}" \
		> "$RESULTS/deb-test.txt" 2>&1
	_status=$?
	grep -q "^Subtest ${DEB_TEST#*@}: SUCCESS" "$RESULTS/deb-test.txt" || _status=1
	ended "deb/test/$DEB_TEST" $_status "$(tail -n 1 "$RESULTS/deb-test.txt")"
}

# deb_remove: as an administrator would
deb_remove()
{
	progress "removing the packages"
	modprobe overlay
	mkdir -p /run/upper/upper /run/upper/work $DEB_ROOT
	mount -t overlay -o lowerdir=/,upperdir=/run/upper/upper,workdir=/run/upper/work \
		root $DEB_ROOT
	for _dir in dev proc sys; do mount --rbind /$_dir $DEB_ROOT/$_dir; done
	mkdir -p "$DEB_ROOT/tmp" "$DEB_ROOT/run"
	detached chroot $DEB_ROOT env -i PATH=/usr/sbin:/usr/bin DEBIAN_FRONTEND=noninteractive \
		apt-get purge -y vgem-pfn-dkms vgem-pfn-tools > "$RESULTS/deb-remove.txt" 2>&1
	ended "deb/remove" $? "$(tail -n 1 "$RESULTS/deb-remove.txt")"
	_left=$(chroot $DEB_ROOT find /etc /usr /var -iname '*vgem?pfn*' -o -name '*dma?buf?pfn*' |
		tr '\n' ' ')
	same "deb/remove/files" "$_left" ""
	same "deb/remove/packages" "$(chroot $DEB_ROOT dpkg-query -W 2>&1 | grep vgem-pfn)" ""
	if chroot $DEB_ROOT modprobe -n vgem_pfn 2> /dev/null; then
		not_ok "deb/remove/modprobe" "modprobe still finds the module"
	else
		ok "deb/remove/modprobe"
	fi
}

same "deb/dkms" "$(dpkg-query -W -f '${Version}' vgem-pfn-dkms)" "$DEB_VERSION"
same "deb/tools" "$(dpkg-query -W -f '${Version}' vgem-pfn-tools)" "$DEB_VERSION"
same "deb/built" "$(ls /var/lib/dkms/vgem-pfn)" "$DEB_VERSION
kernel-$(uname -r)-x86_64"
same "deb/none-loaded" "$(lsmod | grep pfn)" ""
progress "loading the modules"
if load_module vgem_pfn && load_module dma_buf_pfn_importer; then
	same "deb/from-dkms" "$(modinfo -n vgem_pfn | sed 's/\.ko.*//')" \
		"/lib/modules/$(uname -r)/updates/dkms/vgem_pfn"
	progress "running $DEB_TEST"
	deb_test
	if pfn-contract -h 2>&1 | grep -q '^pfn-contract'; then
		ok "deb/pfn-contract"
	else
		not_ok "deb/pfn-contract" "it does not run"
	fi
	unload_module dma_buf_pfn_importer modprobe -r
	unload_module vgem_pfn modprobe -r
fi
[ -z "${DEB_REMOVE:-}" ] || deb_remove
# The modules are out of tree, and unsigned.
ALLOWED_TAINTS=$((ALLOWED_TAINTS | 1 << 12 | 1 << 13))
check_taint
check_log
