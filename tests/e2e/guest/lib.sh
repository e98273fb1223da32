# SPDX-License-Identifier: Apache-2.0
# What scenarios are made of. They say what they see in TAP, on the second disk.
# shellcheck shell=bash

REPO=/etc/yum.repos.d/e2e.repo
LIVEPATCH=kernel-livepatch-$(uname -r)

boot_id() {
	cat /proc/sys/kernel/random/boot_id
}

uptime_sec() {
	cut -d. -f1 /proc/uptime
}

# ok WHAT COMMAND...: it must succeed
ok() {
	local what=$1
	shift
	if "$@"; then
		echo "ok - $what" | tee -a out/tap
	else
		echo "not ok - $what" | tee -a out/tap
		echo "#   $* said no" >>out/tap
		state | sed 's/^/#   /' >>out/tap
	fi
}

# What there is, for people.
state() {
	local file
	echo "cmdline: $(cat /proc/cmdline)"
	for file in /sys/kernel/livepatch/*/{enabled,transition}; do
		[ ! -e "$file" ] || echo "$file: $(cat "$file")"
	done
	rpm -qa | grep -E 'livepatch|kpatch' | sort
	[ ! -e out/last.json ] || jq -c '[.compliance, .outcome.result, .outcome.message, [.findings[].code]]' out/last.json
	[ ! -e out/last.err ] || cat out/last.err
}

# klp STATUS ARGUMENT...: klpctl, which must end with that exit status; its JSON is out/last.json
klp() {
	local expected=$1 status=0
	shift
	/usr/bin/klpctl --json=short "$@" >out/last.json 2>out/last.err || status=$?
	echo "-- klpctl $*: $status; $(jq -c '[.compliance, .outcome.result]' out/last.json 2>/dev/null) $(cat out/last.err)"
	[ "$status" = "$expected" ]
}

# says FILTER: what jq must find true of the last answer
says() {
	jq -e "$1" out/last.json >/dev/null
}

runs() {
	[ "$(cat /sys/kernel/livepatch/"$1"/enabled 2>/dev/null)" = 1 ] &&
		[ "$(cat /sys/kernel/livepatch/"$1"/transition)" = 0 ]
}

shows() {
	[ "$(cat /proc/cmdline)" = "$1 runs" ]
}

is_original() {
	grep -q console= /proc/cmdline
}

has() {
	rpm -q "$LIVEPATCH-1.0-$1" >/dev/null
}

# published NUMBER: what the livepatch repository has from now on
published() {
	sed -i "s,/livepatch-[0-9]*/,/livepatch-$1/," "$REPO"
}

same_boot() {
	[ "$(boot_id)" = "$(cat out/boot)" ]
}

# After a boot for which a scenario asked: true
phase() {
	[ -e "out/phase-$1" ]
}

# reboot_into NAME: and the scenario goes on there
reboot_into() {
	touch "out/phase-$1"
	sync
	systemctl reboot --force
	sleep 600
}

# A unit will reboot; nobody objects in the five minutes that it leaves.
nobody_objects() {
	sync
	ok "the reboot is announced" within 60 test -e /run/systemd/shutdown/scheduled
	date -s "+280 seconds" >/dev/null
	sync
	sleep 120
	ok "it happens" false
}

network() {
	local nic
	nic=$(basename /sys/class/net/e*)
	ip link set "$nic" up
	ip addr add 10.0.2.15/24 dev "$nic" 2>/dev/null
	ip link set lo up
}

# The node as delivered: live patching is off.
prepare() {
	rpm --initdb
	rpm --import key.asc
	rpm -i base/*.rpm kernel/*.rpm
	cat >"$REPO" <<EOF
[e2e-kernel]
name=kernels
baseurl=http://10.0.2.2:$(cat port)/kernel/
enabled=1
gpgcheck=1

[e2e-livepatch]
name=livepatches
baseurl=http://10.0.2.2:$(cat port)/livepatch-0/
enabled=0
gpgcheck=1
EOF
	boot_id >out/boot
}

finish() {
	dmesg >out/dmesg
	journalctl -b -o short-monotonic --no-pager >"out/journal-$(boot_id)"
	touch out/done
	sync
	systemctl poweroff --force --force
}

another_boot() {
	! same_boot
}

not() {
	! "$@"
}

# klp_any ARGUMENT...: whatever its exit status
klp_any() {
	/usr/bin/klpctl --json=short "$@" >out/last.json 2>out/last.err
	echo "-- klpctl $*: $?; $(jq -c '[.compliance, .outcome.result, [.findings[].code]]' out/last.json) $(cat out/last.err)"
	jq -e .schema out/last.json >/dev/null
}

# An installation does not come to pass, and says why.
refuses() {
	klp_any install
	says '.outcome.result != "done" and (.outcome.message != null or any(.plan.refusals[]; true) or .outcome.result == "nothing-to-do")'
}

# within SECONDS COMMAND...
within() {
	local left=$1
	shift
	until "$@"; do
		[ "$left" -gt 0 ] || return 1
		left=$((left - 1))
		sleep 1
	done
}

# promptly COMMAND...: as soon as it succeeds, in a minute or never
promptly() {
	local end=$(($(uptime_sec) + 60))
	until "$@"; do
		[ "$(uptime_sec)" -lt $end ] || return 1
		sleep 0.02
	done
}

watchdog_struck() {
	journalctl -b -u klpd.service --no-pager | grep -q "Watchdog timeout"
}

no_oom_kill() {
	local group=/sys/fs/cgroup/system.slice/$1
	cat "$group"/memory.{max,peak,events} 2>/dev/null
	[ "$(cat "$group/memory.max")" != max ] && grep -q '^oom_kill 0$' "$group/memory.events"
}

exposure_below() {
	awk -v limit="$1" '/Overall exposure level/ { for (i = 1; i <= NF; i++) if ($i ~ /^[0-9.]+$/) exit !($i < limit) }' out/security-klpd
}

rpmdb_is_whole() {
	rpm -qa >/dev/null && rpmdb --verifydb
}
