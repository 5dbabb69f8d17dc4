#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that prints a line and hangs.
echo "hang: the last line before it"
while :; do sleep 1000; done
