#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that says something and crashes.
echo "crash: the last line before it"
kill -SEGV $$
