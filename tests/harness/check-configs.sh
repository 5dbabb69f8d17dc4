#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# check-configs.sh - make check-configs: compile our files in other configurations.
# Each row is a configuration, an architecture and a compiler: base.config with one
# option off, with all of them off, with everything built in; the full configuration
# with gcc and clang for x86-64 and arm64; the core with its KUnit tests for i386;
# and KVM with confidential guests of AMD.
#
# Builds only our files and the files that we patch in the same directories, with
# -Werror. CONFIGS=regex selects rows.

# shellcheck source=tests/harness/lib/lib.sh
. "$(dirname "$0")/lib/lib.sh"
# shellcheck source=tests/harness/lib/packages.sh
. "$HARNESS/lib/packages.sh"
# shellcheck source=tests/harness/lib/source.sh
. "$HARNESS/lib/source.sh"
# shellcheck source=tests/harness/lib/kbuild.sh
. "$HARNESS/lib/kbuild.sh"
# shellcheck source=tests/harness/lib/outcome.sh
. "$HARNESS/lib/outcome.sh"

DIR=$OUT/check-configs
OFF="KUNIT PCI DEBUG_FS FAULT_INJECTION TRANSPARENT_HUGEPAGE SWAP SMP"
DIRS=(drivers/dma-buf/ drivers/gpu/drm/vgem_pfn/ drivers/gpu/drm/ttm/
	drivers/gpu/drm/virtio/ drivers/iommu/iommufd/ drivers/vfio/pci/)
# Objects of optional drivers, which the full configuration must have
FULL_OBJECTS=(drivers/iommu/iommufd/{pages,selftest}.o drivers/vfio/pci/vfio_pci_dmabuf.o)
# Options of the row sev, with which KVM includes sev.c
SEV=(CRYPTO CRYPTO_HW AMD_IOMMU CRYPTO_DEV_CCP CRYPTO_DEV_CCP_DD CRYPTO_DEV_SP_PSP KVM_AMD_SEV)

# rows - name, ARCH, compiler, and the options that are off, or "builtin" or "sev"
rows() {
	local option
	for option in $OFF; do echo "no-$option x86_64 gcc $option"; done
	echo "minimal x86_64 gcc $OFF"
	echo "builtin x86_64 gcc builtin"
	echo "full x86_64 gcc -"
	echo "full-clang x86_64 clang-19 -"
	echo "full-arm64 arm64 gcc -"
	echo "full-arm64-clang arm64 clang-19 -"
	echo "core-i386 i386 gcc -"
	echo "sev x86_64 gcc sev"
}

# fragment FILE OFF... - write the additions to base.config
fragment() {
	local file=$1 option
	shift
	: >"$file"
	for option; do
		case $option in
		-) ;;
		sev) printf 'CONFIG_%s=y\n' "${SEV[@]}" >>"$file" ;;
		builtin) sed -n 's/^\(CONFIG_.*\)=m$/\1=y/p' "$TOP/tests/configs/base.config" >>"$file" ;;
		*) echo "# CONFIG_$option is not set" >>"$file" ;;
		esac
		# KMEMLEAK selects DEBUG_FS.
		[[ $option != DEBUG_FS ]] || echo "# CONFIG_DEBUG_KMEMLEAK is not set" >>"$file"
	done
}

# make_row ARCH COMPILER ARG... - kbuild for another architecture or compiler
make_row() {
	local arch=$1 cc=$2 cross='' flags=-Werror
	shift 2
	case $arch in
	arm64) cross=aarch64-linux-gnu- ;;
	i386) cross=i686-linux-gnu- ;;
	esac
	# As in kbuild.sh, for speed
	[[ $cc != gcc ]] || flags+=' -ftrack-macro-expansion=0' cc=${cross}gcc
	kbuild_in "$WORK/src" ARCH="$arch" CROSS_COMPILE="$cross" CC="ccache $cc" \
		KCFLAGS="$flags" "$@"
}

# build_row NAME ARCH COMPILER OFF... - build in the directory BUILD
build_row() {
	local arch=$2 cc=$3 dirs=("${DIRS[@]}") off
	off=("${@:4}")
	fragment "$DIR/$1.config" "${off[@]}"
	# The driver and the importer need 64 bits.
	[[ $arch != i386 ]] || dirs=(drivers/dma-buf/)
	[[ $1 != sev ]] || dirs=(arch/x86/kvm/)
	rm -rf "$BUILD"
	mkdir -p "$BUILD"
	# Options that do not exist on this architecture are dropped.
	cat "$TOP/tests/configs/base.config" "$DIR/$1.config" >"$BUILD/fragment"
	[[ $arch != i386 ]] || sed -i '/CONFIG_64BIT\|CONFIG_X86_64/d' "$BUILD/fragment"
	make_row "$arch" "$cc" -s KCONFIG_ALLCONFIG="$BUILD/fragment" allnoconfig
	make_row "$arch" "$cc" -s olddefconfig
	make_row "$arch" "$cc" -s -j"$JOBS" prepare
	make_row "$arch" "$cc" -s -k -j"$JOBS" "${dirs[@]}"
}

# check_row NAME ARCH COMPILER OFF... - build a row and report the result
check_row() {
	local log=$DIR/$1.log start=$SECONDS BUILD=$WORK/build/configs objects object option wrong=
	local needed=()
	case $1 in
	full*) needed=("${FULL_OBJECTS[@]}") ;;
	sev) needed=(arch/x86/kvm/svm/sev.o) ;;
	esac
	build_row "$@" >"$log" 2>&1 || wrong="does not build"
	objects=$(cd "$BUILD" && find drivers/dma-buf drivers/gpu/drm/vgem_pfn \
		drivers/iommu/iommufd drivers/vfio/pci arch/x86/kvm -name '*.o' -not -name '.*' 2>/dev/null |
		wc -l) || :
	for option in "${@:4}"; do
		! grep -q "^CONFIG_$option=" "$BUILD/.config" || wrong="CONFIG_$option is on"
	done
	[[ -n $wrong || $objects -gt 10 ]] || wrong="builds $objects objects"
	for object in "${needed[@]}"; do
		# IOMMUFD_TEST needs the page tables of AMD's IOMMU.
		[[ -n $wrong || -e $BUILD/$object || $object == *selftest.o && $2 != x86_64 ]] ||
			wrong="does not build $object"
	done
	printf '%-24s %-7s %-9s %4s objects %5s\n' "$1" "$2" "$3" "$objects" \
		"$(hms $((SECONDS - start)))" >>"$DIR/table"
	if [[ -z $wrong ]]; then
		outcome 0 "$1: $objects objects, $(hms $((SECONDS - start)))"
	else
		grep -aE 'error|warning' "$log" | grep -v 'override: reassigning' | head -n 5 >"$log.short" || :
		outcome 1 "$1: $wrong: $(head -n 1 "$log.short" | sed "s,$WORK/src/,,")" "$log"
	fi
}

rows | awk '{ print $1 }' | grep -qE "${CONFIGS:-.}" ||
	die "CONFIGS=${CONFIGS:-}: it matches none. There are: $(rows | awk '{ printf "%s ", $1 }')"
_check_rows() {
	local row
	source_prepare
	step 2/2 "configurations"
	while read -r -a row <&3; do
		check_row "${row[@]}"
	done 3< <(rows | awk -v select="${CONFIGS:-.}" '$1 ~ select')
}

step 1/2 "tools and sources"
need_tools fetch kernel configs
source_id
kbuild_init
mkdir -p "$DIR" "$OUT/log"
: >"$DIR/table"
with_lock "work-$SRC_ID" _check_rows
cat "$DIR/table"
outcomes || exit 1
