#!/bin/sh
# SPDX-License-Identifier: MIT
# The program of mapper/.
echo "$VGEM_PFN_DMABUF_FD" > /sys/module/sg_importer/parameters/map && echo "map: done"
