# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034
# Sourced by the tests of the tools: a scratch directory, and assertions that say what was wrong.

set -euo pipefail
shopt -s inherit_errexit

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
REPO=$(dirname "$TESTS")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() { echo "FAIL: $*"; exit 1; }

# expect STATUS "text" COMMAND...: the exit status, and a text in what the command prints.
expect() {
	local want=$1 text=$2 got=0
	shift 2
	"$@" >"$scratch/output" 2>&1 </dev/null || got=$?
	((got == want)) || { cat "$scratch/output"; fail "exit status $got, expected $want: $*"; }
	[[ ! $text ]] || grep -qF -- "$text" "$scratch/output" || { cat "$scratch/output"; fail "no \"$text\": $*"; }
}

same() { # what, expected, actual
	[[ $2 == "$3" ]] || fail "$1: expected \"$2\", is \"$3\""
}

# A copy of the scripts with a linux/ directory and a cache of its own, and a kernel source that is
# just large enough for them.
sandbox() {
	mkdir -p "$scratch"/repo/linux/{patches,files} "$scratch/linux/kernel/bpf" "$scratch/linux/lib"
	cp -r "$REPO/scripts" "$scratch/repo/"
	printf '# SPDX\nVERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 1\n' >"$scratch/linux/Makefile"
	seq 1 20 >"$scratch/linux/kernel/bpf/a.c"
	seq 1 20 >"$scratch/linux/lib/b.c"
	export XDG_CACHE_HOME=$scratch/cache LINUX=$scratch/linux
	unset KERNEL CONFIG BPF_KASAN_LOCKED
	tree=$(bash -c '. "$1/repo/scripts/lib.sh" && echo "$TREE"' - "$scratch")
}

# A patch of the sandbox's source: in FILE, line LINE becomes TEXT.
make_patch() { # patch file, source file, line, text
	local dir=$scratch/patching
	rm -rf "$dir"
	mkdir -p "$dir/a" "$dir/b" "$(dirname "$1")"
	(cd "$scratch/linux" && cp --parents "$2" "$dir/a" && cp --parents "$2" "$dir/b")
	sed -i "$3s/.*/$4/" "$dir/b/$2"
	(cd "$dir" && git diff --no-index --no-prefix a b >"$1") || true
	[[ -s $1 ]]
}
