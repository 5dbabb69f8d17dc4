# SPDX-License-Identifier: GPL-2.0
#
# Columns of text.

def pad($n): " " * ([$n - length, 0] | max) // "";
def left($n): . + pad($n);
def right($n): pad($n) + .;
def number: if . == null then "-" else tostring end;
