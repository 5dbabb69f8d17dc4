# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# debian.sh - Debian's own kernel as the guest's, with our modules built for it
# (compat/). Sourced after lib.sh, packages.sh and rootfs.sh.
#
#   debian_get          get the kernel, build the modules, and set GUEST_KERNEL to
#                       out/kernel/debian-$KERNEL, which is like that of kernel.sh
#   debian_initrd       add the initrd; call it after rootfs_get
#   debian_importer DIR LOG   build the external module in DIR, which may use get_pfn
#   debian_holds_still  whether the core pins a buffer while a scatter list is mapped
#
# KERNEL is patched, the default, or one of DEBIAN_KERNELS. The directory
# debian/$KERNEL of the cache has
#
#   image      the kernel's package        release  its version
#   headers    packages for building external modules
#   root       a root with a compiler, if the kernel is for another Debian than that of
#              this machine, whose compiler and libc may be too old
#   build      compat/, built          pfn_mem  tests/guest/pfn_mem, built
#
# which are kept until make clean-cache.

# shellcheck disable=SC2034 # for input.sh
DEBIAN_KERNELS=(6.12 7.2 7.3 newest)

# Modules of the guest, beside ours and those that ours need
DEBIAN_MODULES=(virtio_pci virtio_blk virtio_console virtio-gpu squashfs pvpanic-pci vgem zram)
# Those of the initrd, which mounts the root
DEBIAN_ROOT_MODULES=(virtio_pci virtio_blk squashfs)

# debian_of FIELD - a field of this machine's os-release
debian_of() {
	# shellcheck disable=SC1091
	(. /etc/os-release && printf '%s' "${!1:-}")
}

# --- packages --------------------------------------------------------------------

# Run by mmdebstrap: download the packages of the newest kernel that has headers.
# shellcheck disable=SC2016 # expanded by the hook
DEBIAN_HOOK='cd "$1" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" || exit
release=$(apt-cache search --names-only "^linux-headers-$PATTERN-amd64\$" |
	sed "s/ .*//; s/^linux-headers-//" | sort -V | tail -n 1)
[ -n "$release" ] || { echo "E: Unable to locate package linux-headers-$PATTERN-amd64"; exit 1; }
has() { apt-cache show "$1" 2>/dev/null | grep -q "^Filename:"; }
image=linux-image-$release
# linux-image is empty since 7.0.
! has "linux-binary-$release" ||
	image="linux-binary-$release linux-base-$release linux-modules-$release"
has "${image%% *}" || image=$image-unsigned
apt-get download $image "linux-headers-$release" "linux-kbuild-${release%-amd64}" \
	"linux-headers-${release%-amd64}-common" && echo "$release" >release'

# _debian_fetch - the packages. A 6.12 kernel of this machine's release is preferred.
_debian_fetch() {
	local dir=$CACHE/debian/$KERNEL code tmp debs deb file pattern suites also=
	[[ ! -e $dir/release ]] || return 0
	code=$(debian_of VERSION_CODENAME)
	pattern="${KERNEL//./\\.}[.0-9]*(\\+deb[0-9.]+)?"
	suites="trixie-backports testing unstable"
	case $KERNEL in
	6.12) suites="$code-security $code $code-backports trixie-security trixie" ;;
	newest)
		pattern='[0-9.]+(\+deb[0-9.]+)?'
		suites=trixie-backports also="testing unstable"
		;;
	esac
	tmp_for debs "$CACHE/debian/$KERNEL.debs"
	tmp_for tmp "$dir"
	SUITES_ALSO=$also suites_get "$debs" 130 "$suites" "the kernel $KERNEL" \
		--extract-hook="PATTERN='$pattern'; $DEBIAN_HOOK"
	mkdir -p "$tmp"/{image,headers}
	for deb in "$debs"/*.deb; do
		case ${deb##*/} in
		linux-image-* | linux-binary-* | linux-base-* | linux-modules-*)
			dpkg-deb -x "$deb" "$tmp/image" ;;
		*) dpkg-deb -x "$deb" "$tmp/headers" ;;
		esac
	done
	mv "$debs/release" "$tmp/release"
	# The packages of the headers expect to be in /usr/src.
	sed -i "s|/usr/src/|$dir/headers/usr/src/|" "$tmp"/headers/usr/src/linux-headers-*-amd64/Makefile
	# Modules are in /lib on Debian 12, and in /usr/lib since. The kernel itself is in /boot,
	# and beside its modules since 7.0.
	[[ -e $tmp/image/lib ]] || ln -s usr/lib "$tmp/image/lib"
	mkdir -p "$tmp/image/boot"
	for file in vmlinuz config; do
		[[ -e $tmp/image/boot/$file-$(<"$tmp/release") ]] ||
			ln -s "../lib/modules/$(<"$tmp/release")/$file" \
				"$tmp/image/boot/$file-$(<"$tmp/release")"
	done
	rm -rf -- "$debs"
	publish "$tmp" "$dir"
}

# _debian_native - whether the kernel is for this machine's Debian
_debian_native() {
	[[ $DEBIAN_RELEASE == *+deb"$(debian_of VERSION_ID)"[.-]* ]]
}

# _debian_root - a root in which modules for this kernel can be built. Its packages are
# only unpacked.
_debian_root() {
	local tmp suite=testing also=unstable
	[[ ! -d $DEBIAN_DIR/root ]] || return 0
	[[ $DEBIAN_RELEASE != *+deb12* ]] || suite=bookworm also=bookworm-backports
	[[ $DEBIAN_RELEASE != *+deb13* ]] || suite=trixie also=trixie-backports
	tmp_for tmp "$DEBIAN_DIR/root"
	# shellcheck disable=SC2016 # expanded by the hook
	SUITES_ALSO=$also suites_get "$tmp" 550 "$suite" "a compiler for the kernel $KERNEL" \
		"${TREE_HOOKS[@]}" --extract-hook='ln -sf mawk "$1/usr/bin/awk"' \
		--include="bash,binutils,coreutils,dash,diffutils,findutils,grep,kmod,libc-bin,make,mawk,perl-base,sed,linux-headers-$DEBIAN_RELEASE"
	publish "$tmp" "$DEBIAN_DIR/root"
}

# --- modules ---------------------------------------------------------------------

# _debian_chroot ROOT BUILD COMMAND... - run a command in a root, with BUILD as its
# /build. The mounts are in a namespace of their own and end with the command.
# shellcheck disable=SC2016 # expanded by the inner shell
_debian_chroot() {
	local unshare=(unshare -m)
	((EUID == 0)) || unshare+=(-r)
	mkdir -p "$1/build"
	"${unshare[@]}" sh -c 'mount --rbind /dev "$1/dev" && mount --rbind /proc "$1/proc" &&
		mount --bind "$2" "$1/build" && root=$1 && shift 2 &&
		cd / && exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin "$@"' sh "$@"
}

# _debian_make DIR LOG ARG... - build an external module; "@DIR@" in ARG is the name of DIR.
# Type information (BTF) needs pahole and time, and nothing in the guest uses it.
_debian_make() {
	local dir=$1 log=$2 headers=$DEBIAN_DIR/headers/usr/src/linux-headers-$DEBIAN_RELEASE
	shift 2
	set -- "$@" CONFIG_DEBUG_INFO_BTF_MODULES=
	if _debian_native; then
		run_logged "$log" env -i PATH="$PATH" make -j"$JOBS" -C "$headers" M="$dir" "${@//@DIR@/$dir}"
	else
		with_lock "debian-$KERNEL" _debian_root
		run_logged "$log" _debian_chroot "$DEBIAN_DIR/root" "$dir" make -j"$JOBS" \
			-C "/usr/src/linux-headers-$DEBIAN_RELEASE" M=/build "${@//@DIR@//build}"
	fi
}

debian_importer() {
	rm -rf "$1/.compat"
	mkdir "$1/.compat"
	cp -r "$DEBIAN_DIR/build"/{include,Module.symvers} "$1/.compat"
	_debian_make "$1" "$2" modules KBUILD_EXTRA_SYMBOLS=@DIR@/.compat/Module.symvers \
		NOSTDINC_FLAGS="-nostdinc -I@DIR@/.compat/include" \
		KCFLAGS="-fms-extensions -include @DIR@/.compat/include/dma-buf-pfn-compat.h"
}

debian_holds_still() {
	grep -q '^# CONFIG_DMABUF_MOVE_NOTIFY is not set' "$GUEST_KERNEL/config"
}

# _debian_subset FROM TO MODULE... - copy modules and those that they need,
# decompressed
_debian_subset() {
	local from=$1 to=$2 file copy
	shift 2
	modprobe -d "$from" -S "$DEBIAN_RELEASE" -a --show-depends "$@" | sed -n 's/^insmod //p' |
		sort -u | while read -r file; do
		file=${file%% *}
		copy=$to/${file#"$from"/}
		mkdir -p "${copy%/*}"
		case $file in
		*.xz) xz -dc "$file" >"${copy%.xz}" ;;
		*) cp -- "$file" "$copy" ;;
		esac
	done
}

# debian_stage FROM DIR MODULE... - copy the kernel DEBIAN_RELEASE from the tree FROM to
# DIR, with these of its modules and those that they need. DIR may have modules already.
debian_stage() {
	local from=$1 dir=$2 lib=$2/modules/lib/modules/$DEBIAN_RELEASE
	shift 2
	mkdir -p "$lib"
	cp "$from/boot/vmlinuz-$DEBIAN_RELEASE" "$dir/bzImage"
	cp "$from/boot/config-$DEBIAN_RELEASE" "$dir/config"
	echo "$DEBIAN_RELEASE" >"$dir/release"
	cp "$from/lib/modules/$DEBIAN_RELEASE"/modules.{builtin,order}* "$lib"
	_debian_subset "$from" "$dir/modules" "$@"
	depmod -b "$dir/modules" "$DEBIAN_RELEASE"
}

# _debian_publish - out/kernel/debian-$KERNEL
_debian_publish() {
	local tmp updates file modules=()
	tmp_for tmp "$GUEST_KERNEL"
	updates=$tmp/modules/lib/modules/$DEBIAN_RELEASE/updates
	mkdir -p "$updates"
	for file in "$DEBIAN_DIR"/build/{,vgem_pfn/}*.ko "$DEBIAN_DIR"/pfn_mem/*.ko; do
		strip --strip-debug -o "$updates/${file##*/}" "$file"
		mapfile -t -O "${#modules[@]}" modules < <(modinfo -F depends "$file" | tr , '\n')
	done
	mapfile -t modules < <(printf '%s\n' "${modules[@]}" "${DEBIAN_MODULES[@]}" |
		grep -vE '^(|dma.buf.pfn.*|vgem.pfn)$' | sort -u)
	debian_stage "$DEBIAN_DIR/image" "$tmp" "${modules[@]}"
	find "$tmp" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum |
		cut -c 1-16 >"$tmp/id"
	publish "$tmp" "$GUEST_KERNEL"
}

debian_get() {
	local log=$OUT/log/debian-$KERNEL.log key
	DEBIAN_DIR=$CACHE/debian/$KERNEL
	GUEST_KERNEL=$OUT/kernel/debian-$KERNEL
	with_lock "debian-$KERNEL" _debian_fetch
	DEBIAN_RELEASE=$(<"$DEBIAN_DIR/release")
	[[ -e $DEBIAN_DIR/image/lib/modules/$DEBIAN_RELEASE/modules.dep ]] ||
		depmod -b "$DEBIAN_DIR/image" "$DEBIAN_RELEASE"
	note "Debian's kernel $DEBIAN_RELEASE"
	make -s -C "$TOP/compat" stage KDIR="$DEBIAN_DIR/headers/usr/src/linux-headers-$DEBIAN_RELEASE" \
		BUILD="$DEBIAN_DIR/build" || die "compat/ does not support this kernel"
	_debian_make "$DEBIAN_DIR/build" "$log" modules ||
		die "the modules do not build for the kernel $DEBIAN_RELEASE" "$log"
	mkdir -p "$DEBIAN_DIR/pfn_mem"
	cp -u "$TOP"/tests/guest/pfn_mem/* "$DEBIAN_DIR/pfn_mem"
	_debian_make "$DEBIAN_DIR/pfn_mem" "$log" modules ||
		die "tests/guest/pfn_mem does not build for the kernel $DEBIAN_RELEASE" "$log"
	key=$(cat "$DEBIAN_DIR"/{build,build/vgem_pfn,pfn_mem}/*.ko "$HARNESS/lib/debian.sh" | sha256sum)
	if [[ $(cat "$GUEST_KERNEL/key" 2>/dev/null) != "$key" ]]; then
		_debian_publish
		echo "$key" >"$GUEST_KERNEL/key"
	fi
}

# debian_initrd - the initrd loads what is needed to mount the root, and runs its /init
debian_initrd() {
	local tmp list name tree=$ROOTFS/root
	[[ ! $GUEST_KERNEL/initrd -nt $GUEST_KERNEL/key ]] || return 0
	tmp_for tmp "$GUEST_KERNEL/initrd.d"
	mkdir -p "$tmp"/{bin,dev,proc,new,lib}
	cp "$tree/usr/bin/busybox" "$tmp/bin"
	list=$(modprobe -d "$GUEST_KERNEL/modules" -S "$DEBIAN_RELEASE" -a --show-depends \
		"${DEBIAN_ROOT_MODULES[@]}" | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++')
	for name in $list; do cp "$name" "$tmp/lib"; done
	{
		echo '#!/bin/busybox sh'
		echo '/bin/busybox mount -t devtmpfs dev /dev'
		for name in $list; do echo "/bin/busybox insmod /lib/${name##*/}"; done
		cat <<-'END'
			n=0
			until [ -e /dev/vda ] || [ $n -ge 100 ]; do
				/bin/busybox sleep 0.1
				n=$((n + 1))
			done
			/bin/busybox mount -t squashfs -o ro /dev/vda /new
			/bin/busybox mount --move /dev /new/dev
			exec /bin/busybox switch_root /new /init
		END
	} >"$tmp/init"
	chmod +x "$tmp/init"
	(cd "$tmp" && find . | cpio -o -H newc --quiet -R 0:0) >"$GUEST_KERNEL/initrd"
	rm -rf -- "$tmp"
}
