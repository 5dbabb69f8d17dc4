#!/bin/sh
# SPDX-License-Identifier: MIT
# The program for the modules in mapper/.
echo "$VGEM_PFN_DMABUF_FD" > /sys/module/sg_importer/parameters/map && echo "map: done"
