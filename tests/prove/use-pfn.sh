#!/bin/sh
# SPDX-License-Identifier: MIT
# use-pfn.sh pfn [BUG] - the program for the sample importer of page frame numbers
echo "${2:-none}" > /sys/module/sample_importer/parameters/bug
exec use_sample 4
