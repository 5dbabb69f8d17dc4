#!/bin/sh
# SPDX-License-Identifier: MIT
# use-mapper.sh [CLASS [BUG]] - the program for the modules in mapper/, see sg_importer.c
dir=/sys/module/sg_importer/parameters
echo "${1:-dynamic}" > $dir/class
echo "${2:-none}" > $dir/bug
status=0
echo "$VGEM_PFN_DMABUF_FD" > $dir/map || status=1
dmesg | sed -n 's/.*sg_importer: /use-mapper: /p' | tail -n 1
exit $status
