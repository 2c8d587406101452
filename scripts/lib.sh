# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Sourced by every script here: messages, timed steps, paths in the cache, the lock.

set -euo pipefail
umask 022

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SCRIPTS=$TOP/scripts
CACHE=${XDG_CACHE_HOME:-${HOME:?HOME is not set, set it or XDG_CACHE_HOME}/.cache}/bpf-kasan
KERNEL=${KERNEL:-7.2}
LINUX=${LINUX:-}
JOBS=${JOBS:-$(nproc)}
# ARCH under a name that means nothing to a Makefile; it is unset below.
export GUEST_ARCH=${ARCH:-${GUEST_ARCH:-x86_64}}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

case $KERNEL in
7.2 | 7.3) ;;
*) die "KERNEL=$KERNEL is not supported: use KERNEL=7.2 or KERNEL=7.3, or LINUX=/path/to/your/kernel" ;;
esac

# What the kernel's Makefiles call the architecture, and what builds and runs for it. SYSROOT is the
# guest's user space, where that cannot be the host's.
case $GUEST_ARCH in
x86_64 | x86) GUEST_ARCH=x86_64 SRCARCH=x86 IMAGE=bzImage CROSS='' QEMU=qemu-system-x86_64 ;;
arm64) SRCARCH=arm64 IMAGE=Image CROSS=aarch64-linux-gnu- QEMU=qemu-system-aarch64 ;;
riscv64 | riscv) GUEST_ARCH=riscv64 SRCARCH=riscv IMAGE=Image CROSS=riscv64-linux-gnu- QEMU=qemu-system-riscv64 ;;
s390x | s390) GUEST_ARCH=s390x SRCARCH=s390 IMAGE=bzImage CROSS=s390x-linux-gnu- QEMU=qemu-system-s390x ;;
*) die "ARCH=$GUEST_ARCH is not supported: use ARCH=x86_64, arm64, riscv64 or s390x" ;;
esac

# What clang compiles BPF programs for: the byte order is the guest's.
BPF_TARGET=bpfel
[[ $GUEST_ARCH != s390x ]] || BPF_TARGET=bpfeb

# One directory for each kernel source. Its path is fixed, because a kernel build is bound to the
# path of its source.
work_name() {
	if [[ $LINUX ]]; then
		printf 'custom-%s' "$(realpath -m -- "$LINUX" | sha256sum | cut -c1-12)"
	else
		printf '%s' "$KERNEL"
	fi
}

# The source is the same for all architectures; what is built of it is not.
SOURCE=$CACHE/$(work_name)
PRISTINE=$SOURCE/pristine
TREE=$SOURCE/tree
MANIFEST=$SOURCE/manifest # the files of the tree that are not the pristine ones
WORK=$SOURCE${CROSS:+/$GUEST_ARCH}
SYSROOT=${CROSS:+$CACHE/root-$GUEST_ARCH}
# FULL=1: a second kernel, with the configuration of the kernel's own selftests, see check-full.
OUT=$WORK${FULL:+/full}
# Another kernel of the same source, with linux/configs/$FLAVOUR.config on top.
FLAVOUR=${FLAVOUR:-}
BUILD=$OUT/${FLAVOUR:+$FLAVOUR-}build
BOOT_IMAGE=$BUILD/arch/$SRCARCH/boot/$IMAGE
MODULES=$OUT/${FLAVOUR:+$FLAVOUR-}modules
TOOLS=$OUT/tools
SELFTESTS=$OUT/selftests
LOGS=$OUT/log

# On a miss the compiler alone names the headers: no second run of the preprocessor.
export CCACHE_DIR=${CCACHE_DIR:-$CACHE/ccache} CCACHE_DEPEND=1
# Same sources, same object files: no user, host or language in what is built.
export KBUILD_BUILD_USER=bpf-kasan KBUILD_BUILD_HOST=bpf-kasan LC_ALL=C.UTF-8
# Settings of an outer make, or of the user's shell, must not leak into the builds.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES O KBUILD_OUTPUT ARCH CROSS_COMPILE LLVM CDPATH

[[ $CACHE$TOP != *[[:space:]]* ]] || die "kernel builds cannot have a space in a path: $CACHE, $TOP"
mkdir -p "$LOGS" 2>/dev/null || die "cannot write to $CACHE: free some space or set XDG_CACHE_HOME"

# in_guests COMMAND: runs "COMMAND 0", "COMMAND 1" and so on at the same time, for GUESTS guests.
GUESTS=${GUESTS:-$(((JOBS + 1) / 2))}
in_guests() {
	local i pids=() failed=0
	# What a script runs in the background does not notice Ctrl-C.
	trap 'trap "" TERM; kill 0; exit 130' INT
	for ((i = 0; i < GUESTS; i++)); do
		"$1" "$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || failed=1; done
	return $failed
}

free_mib() { df -Pm "$CACHE" | awk 'NR == 2 { print $4 }'; }

need_space() { # MiB
	(($(free_mib) >= $1)) ||
		die "$CACHE has $(free_mib) MiB left and needs $1: free some space or set XDG_CACHE_HOME"
}

elapsed() { # start, in $EPOCHREALTIME
	awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", b - a }'
}

# step LOG TITLE COMMAND...: one line with its time; what the command prints goes to the log, whose
# tail is shown when it fails.
step() {
	local log=$LOGS/$1.log title=$2 start=$EPOCHREALTIME flags=$- status
	shift 2
	printf '%-58s' "$title" >&2
	# A subshell, so that "set -e" holds inside of functions called as steps.
	set +e
	(
		set -e
		"$@"
	) >"$log" 2>&1 </dev/null
	status=$?
	[[ $flags != *e* ]] || set -e
	if ((status == 0)); then
		say "${STEP_OK:-}$(elapsed "$start")"
		return 0
	fi
	say "FAILED after $(elapsed "$start")"
	tail -n 25 "$log" | sed 's/^/  | /' >&2
	(($(free_mib) > 50)) || say "error: no space left in $CACHE"
	say "error: $title failed, the whole log is in $log"
	return 1
}

# Only one script at a time may change the cache. Scripts that this one starts inherit the lock.
lock() {
	[[ ${BPF_KASAN_LOCKED:-} ]] && return
	exec 9>>"$CACHE/lock" || die "cannot write $CACHE/lock"
	if ! flock -n 9; then
		say "another build is running (process $(cat "$CACHE/lock.pid" 2>/dev/null || echo '?')): waiting for it"
		flock 9
	fi
	echo $$ >"$CACHE/lock.pid"
	export BPF_KASAN_LOCKED=$$
}

unlock() {
	[[ ${BPF_KASAN_LOCKED:-} == "$$" ]] || return 0
	exec 9>&-
	unset BPF_KASAN_LOCKED
}

# The newest clang there is, as its version suffix: 17 is the oldest that the kernel accepts.
newest_clang() {
	compgen -c clang- | sed -n 's/^clang-\([0-9]\{1,\}\)$/\1/p' | sort -rnu | awk '$1 >= 17 { print; exit }'
}

find_clang() {
	CLANG=clang-$(newest_clang)
	LLVM_STRIP=llvm-strip-${CLANG#clang-}
}

find_clang

# What everything that builds starts with: no other one at the same time, and all packages.
start_building() {
	lock
	[[ ${BPF_KASAN_DEPS:-} != "$GUEST_ARCH${FULL:-}" ]] || return 0
	"$SCRIPTS/deps"
	export BPF_KASAN_DEPS=$GUEST_ARCH${FULL:-}
	find_clang # it may not have been there before
}

# The one that runs here; the guest's is in the same directory, without bootstrap.
BPFTOOL=$TOOLS/bpftool/${CROSS:+bootstrap/}bpftool

# Kernel make, in a build directory.
kmake() { # build directory, arguments
	local out=$1
	shift
	make -C "$TREE" O="$out" -j"$JOBS" ${CROSS:+ARCH=$SRCARCH CROSS_COMPILE=$CROSS} \
		CC="ccache ${CROSS}gcc" HOSTCC='ccache gcc' ${PAHOLE:+PAHOLE="$PAHOLE"} "$@"
}

# What the Makefiles in tools/ need to be told to build for the guest.
FOR_GUEST=(CC="ccache ${CROSS}gcc${SYSROOT:+ --sysroot=$SYSROOT}")
[[ ! $CROSS ]] || FOR_GUEST+=(ARCH="$SRCARCH" CROSS_COMPILE="$CROSS")

# "7.2": read, not asked, because a Makefile that may be refused should not run.
source_version() { sed -n 's/^\(VERSION\|PATCHLEVEL\) = //p' "$1/Makefile" | paste -sd.; }
