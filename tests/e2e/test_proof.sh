#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The proof of the contracts (tests/proof/run), and that it can say no: to sources
# that are wrong in one place, and to contracts that promise less.
# long
# alone
. "$(dirname "$0")/lib.sh"
plan 16

if ! command -v frama-c >/dev/null && ! apt-cache show frama-c-base >/dev/null 2>&1; then
	skip 16 "release: has no frama-c"
	exit
fi

ok "every contract is proven" tests/proof/run

# What can be proven takes about a second, most often; what cannot is given up sooner here.
export PROOF_TIMEOUT=3

# Runs the proof of one function, in a copy of the sources with one line of a file
# changed.  Sets $said, $proven and $goals; returns what it returned.
prove_changed() { # file sed-expression function
	rm -rf "$T/top"
	mkdir "$T/top"
	cp -r libsubid "$T/top"
	sed -i "$2" "$T/top/libsubid/$1"
	said="'$2' does not change one line of $1" proven=0 goals=0
	[ "$(diff "libsubid/$1" "$T/top/libsubid/$1" | grep -c '^<')" = 1 ] || return 2
	said=$(tests/proof/run "$T/top" "$3" 2>&1)
	local status=$?
	# shellcheck disable=SC1087 # no array
	read -r proven goals < <(sed -nE "s|^ +$3 +([0-9]+) / ([0-9]+)$|\1 \2|p" <<<"$said")
	return $status
}

# It must find goals that it cannot prove: a copy that does not compile has none.
refutes() {
	prove_changed "$@"
	[ $? = 1 ] && [ "${proven:-0}" -gt 0 ] && [ "$proven" -lt "$goals" ] && return
	echo "$said"
	return 1
}

# All that is still there is proven, but it is less than there was.
misses() {
	prove_changed "$@"
	[ $? = 1 ] && [ "${proven:-0}" -gt 0 ] && [ "$proven" = "$goals" ] && return
	echo "$said"
	return 1
}

ok "what changes nothing is proven" prove_changed core/range.c '1s/MIT/MIT or so/' set_find
ok "a sum that wraps is found" refutes core/range.h 's/return (uint64_t)r.start + r.count;/return r.start + r.count;/' id_range_end
ok "and its value cut" refutes core/range.h 's/return (uint64_t)r.start + r.count;/return (uint32_t)((uint64_t)r.start + r.count);/' id_range_end
ok "a search that passes one over is found" refutes core/range.c 's/size_t low = 0, high = set->n;/size_t low = 0, high = set->n \/ 2;/' set_find
ok "one that never ends, too" refutes core/range.c 's/\tlow = middle + 1;/\tlow = middle;/' set_find
ok "a gap that meets what is taken is found" refutes core/gap.c 's/taken->ranges\[at\].start < \*start + want->count/taken->ranges[at].start + 1 < *start + want->count/' move_up
ok "one that ends behind the window, too" refutes core/gap.c 's/if (start + want\[kind\].count > id_range_end/if (start + want[kind].count > 1 + id_range_end/' subid_find_gap
ok "and the last one that fits, passed over" refutes core/gap.c 's/if (start + want\[kind\].count > id_range_end/if (start + want[kind].count >= id_range_end/' subid_find_gap
ok "a byte behind the digits that is taken for one is found" refutes core/range.c "s/text\\[i\\] > '9'/text[i] > '9' + 1/" subid_id_parse
ok "a number one too large, too" refutes core/range.c 's/id > UINT32_MAX)/id > (uint64_t)UINT32_MAX + 1)/' subid_id_parse
ok "and a leading zero" refutes core/range.c "s/ || (text\\[0\\] == '0' && len > 1)//" subid_id_parse
ok "two ranges that adjoin and stay two are found" refutes core/range.c 's/\tif (r.start > id_range_end(\*last))/\tif (r.start >= id_range_end(*last))/' absorb
PROOF_TIMEOUT=10 ok "one that is added over another, too" refutes core/range.c 's/set->ranges\[set->n++\] = r;/set->ranges[set->n == 0 ? set->n++ : set->n - 1] = r;/' append
ok "and one that reaches past the last id" refutes core/range.c 's/\tif (id_range_end(r) > ID_COUNT_MAX)/\tif (id_range_end(r) > (uint64_t)ID_COUNT_MAX + 1)/' subid_set_add
ok "a promise that is taken back is missed" misses core/range.h 's/@ ensures \\result ==> \\forall integer id; holds(inner, id) ==> holds(outer, id);//' id_range_contains
