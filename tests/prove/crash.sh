#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that prints a line and crashes.
echo "crash: the last line before it"
kill -SEGV $$
