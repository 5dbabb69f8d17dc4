#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that says something and then nothing, forever.
echo "hang: the last line before it"
while :; do sleep 1000; done
