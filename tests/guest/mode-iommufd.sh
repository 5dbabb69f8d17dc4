# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
#
# MODE=iommufd: Linux's own selftests of IOMMUFD, then the checks. TESTS, if given,
# selects programs by regular expression.

# The largest buffer that a test makes of huge pages has 64 of 2 MiB.
HUGEPAGES=72

echo $HUGEPAGES > /proc/sys/vm/nr_hugepages
if [ "$(cat /proc/sys/vm/nr_hugepages)" -eq $HUGEPAGES ]; then
	ok "guest/hugepages"
else
	not_ok "guest/hugepages" "there is no room for $HUGEPAGES huge pages"
fi
run_kselftests iommufd.list
unload_modules
check_kmemleak
check_taint
check_lockdep
check_log
