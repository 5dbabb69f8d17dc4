# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=shell: a shell on the console with the driver loaded. The root is read-only,
# /tmp is writable. Leaving the shell powers the guest off.

load_modules modules.list
cat <<'EOF'

The driver is loaded. Some things to try:
  story                                   the story of `make run`
  ls /vgem_pfn/tests                      the IGT tests; run one by its path
  ls /sys/kernel/debug/dri                the driver's debugfs
  cat /sys/kernel/debug/dma_buf/bufinfo   every dma-buf and its importers
`exit` powers the guest off; Ctrl-A X ends QEMU.

EOF
cd /tmp || :
export PS1='guest:\w\$ '
detached setsid cttyhack sh
