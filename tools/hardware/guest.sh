#!/bin/bash
# Runs inside the machine, as root, on a read-only view of the host. /run/doorbus is the run's folder, the only place of
# the host that is written to: in it lie this file, gpio-sim.ko and `setup` (root, limit_s, command, trees, files); here
# come output.log and, at the very end, exit.
cd /run/doorbus || exit 70
exec >output.log 2>&1 </dev/null
source ./setup
fail() { echo "the machine could not be set up: $1"; echo 70 >/run/doorbus/exit; exit 70; }

ip link set lo up || fail loopback
modprobe -a virtio_blk configfs || fail "modules of the kernel"
mountpoint -q /sys/kernel/config || mount -t configfs configfs /sys/kernel/config || fail configfs
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing || fail tracefs
insmod gpio-sim.ko || fail gpio-sim
mount -t tmpfs tmpfs /tmp || fail "a folder for temporary files"
for tree in "${trees[@]}"; do
    mkdir -p "$tree" # a checkout in /tmp has just been hidden
    mount -t tmpfs -o size=75% tmpfs "$tree" || fail "memory for $tree"
done
mkdir files
excluded=("${files[@]/#/--exclude=}")
mount -t tmpfs tmpfs files
tar -xPf /dev/vda "${excluded[@]}" || fail "the project's files"
tar -xf /dev/vda -C files "${files[@]}" 2>/dev/null || fail "the interpreter"
for file in "${files[@]}"; do # bound, as the host's folders are read-only
    mount --bind "files$file" "$file" || fail "$file"
done
cd "$root" || fail "$root"
timeout --kill-after=10 "$limit_s" "${command[@]}"
echo $? >/run/doorbus/exit
