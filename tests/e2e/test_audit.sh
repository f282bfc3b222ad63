#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# subid audit: its forms, its statuses, its files.  What the rules find is tested
# with the rules; here are two tables with a little of everything.
. "$(dirname "$0")/lib.sh"
plan 179

add_user alice -u 5001
add_user bob -u 5002
add_user carol -u 5003

# An image of a machine, with nothing but what is given: image LINE...
image() {
	rm -rf "$T/image"
	mkdir -p "$T/image/etc/audit/rules.d"
	cp /etc/passwd /etc/group "$T/image/etc"
	printf -- '-w %s -p wa -k subid\n' /etc/subuid /etc/subgid >"$T/image/etc/audit/rules.d/subid.rules"
	printf '%s\n' "$@" | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
}
audit=(subid --root "$T/image" audit)
json() { subid --root "$T/image" --json audit "$@"; }
schema=$PRE/share/subid/audit.schema.json

# --- all is well ----------------------------------------------------------------

image alice:100000:65536 bob:165536:65536
expect "nothing found" 0 'No problems found

0 critical, 0 errors, 0 warnings, 0 info: nothing was found.
looked at: 2 lines of subuid, 2 of subgid, 2 owners, *
uids: 100000 to 600100000, *' '' "${audit[@]}"
ok "and that in a few lines" test "$(wc -l <<<"$out")" -le 8
expect "-q: nothing at all" 0 '' '' "${audit[@]}" -q
expect "-q before the command" 0 '' '' subid -q --root "$T/image" audit
expect "-q --json: nothing" 0 '' '' subid -q --json --root "$T/image" audit
expect "a clean report in JSON" 0 '{"version": *' '' json
is "has no findings" "$(jq -c '[.findings, .summary.counts, .summary.failed, .summary.partial]' <<<"$out")" \
	'[[],{"critical":0,"error":0,"warning":0,"info":0},false,false]'
is "what was looked at" "$(jq -c '.summary.looked_at | [.lines, .owners, .live]' <<<"$out")" \
	'[{"uid":2,"gid":2},2,false]'

# --- findings -------------------------------------------------------------------

image alice:100000:65536 bob:120000:65536 carol:0200000:10 dave:300000:65536
expect "findings, worst first" 1 'Isolation is broken: alice and bob share ids (subuid:1)

CRITICAL overlap-owners: */etc/subuid:1 and line 2; likewise in subgid
    *alice*bob*
    -> *
ERROR ambiguous-number: */etc/subuid:3; likewise in subgid
*WARNING unknown-owner: *dave*
1 critical, 1 error, 1 warning, *' '' "${audit[@]}"
is "no colour where there is no terminal" "$(grep -c $'\033' <<<"$out")" 0
ok "no line is wider than 80 columns, but for the place" \
	test "$(grep -vE '^[A-Z]|^ +# ' <<<"$out" | wc -L)" -le 80
is "each finding has a remedy" "$(grep -c '^    ->' <<<"$out")" "$(grep -cE '^(CRITICAL|ERROR|WARNING|INFO) .*:' <<<"$out")"
expect "-q: what fails, and the summary" 1 'Isolation is broken*CRITICAL *ERROR *' '' "${audit[@]}" -q
is "no warnings" "$(grep -c ^WARNING <<<"$out")" 0
expect "--fail-on critical" 1 '*' '' "${audit[@]}" --fail-on critical
expect "--fail-on never" 0 '*CRITICAL*' '' "${audit[@]}" --fail-on never
expect "--fail-on never -q" 0 '' '' "${audit[@]}" --fail-on never -q
expect "--rule alone" 0 'Nothing is broken, but some things are risky: an owner without an account*WARNING unknown-owner*(only rule unknown-owner)*' '' "${audit[@]}" --rule unknown-owner
is "and no other" "$(grep -cE '^(CRITICAL|ERROR|INFO)' <<<"$out")" 0
expect "--fail-on warning" 1 '*' '' "${audit[@]}" --rule unknown-owner --fail-on warning
image alice:100000:65536 dave:300000:65536
expect "warnings alone are 0" 0 '*WARNING*' '' "${audit[@]}"

in_terminal() { script -qec "stty cols ${columns:-80}; $*" /dev/null </dev/null | tr -d '\r'; }
image alice:100000:65536 bob:120000:65536
like "colour on a terminal" "$(TERM=xterm in_terminal "${audit[@]}")" $'*\033\[1;31mCRITICAL*'
is "none with NO_COLOR" "$(NO_COLOR=1 TERM=xterm in_terminal "${audit[@]}" | grep -c $'\033')" 0
is "none on a dumb terminal" "$(TERM=dumb in_terminal "${audit[@]}" | grep -c $'\033')" 0
ok "as wide as the terminal" test "$(columns=50 TERM=dumb in_terminal "${audit[@]}" | grep -E '^    [^ ]' | wc -L)" -le 50

# --- a flood --------------------------------------------------------------------

mapfile -t lines < <(for ((i = 0; i < 1000; i++)); do echo "u$i:$((100000 + i * 100)):200"; done)
image "${lines[@]}"
expect "a thousand overlapping lines" 1 '*CRITICAL*overlap-owners: and * more: subid audit --rule overlap-owners*' '' "${audit[@]}"
ok "can be read" test "$(wc -l <<<"$out")" -lt 400
expect "--rule shows all of it" 1 '*u998*' '' "${audit[@]}" --rule overlap-owners

# --- accepting ------------------------------------------------------------------

image alice:100000:65536 bob:120000:65536 dave:300000:65536
expect "--ignore a rule" 0 '*0 critical*; 2 accepted*accepted: 2 overlap-owners, by the command line*' '' \
	"${audit[@]}" --ignore overlap-owners
expect "--ignore for another owner" 1 '*CRITICAL*accepted: 0 overlap-owners:carol*' '' "${audit[@]}" --ignore overlap-owners:carol
expect "--ignore for an owner" 0 '*accepted: 2 unknown-owner:dave, by*' '' \
	"${audit[@]}" --fail-on critical --rule unknown-owner --ignore unknown-owner:dave
echo 'accept overlap-owners:alice "they are one person"' >"$T/image/etc/subid.conf"
expect "subid.conf accepts, with its reason" 0 \
	'*accepted: 2 overlap-owners:alice, by?*image/etc/subid.conf:1: they*are*one*person*' '' "${audit[@]}"
is "the same in JSON" "$(json | jq -c '.summary | [.accepted_count, (.accepted[] | [.rule, .owner, .reason, .line, .count])]')" \
	'[2,["overlap-owners","alice","they are one person",1,2]]'
echo 'accept no-such-rule' >"$T/image/etc/subid.conf"
expect "a rule that there is not" 1 '*CRITICAL*' "subid: */subid.conf:1: warning: accepts 'no-such-rule', an unknown rule*" "${audit[@]}"
echo 'nonsense' >"$T/image/etc/subid.conf"
expect "a policy that cannot be read accepts nothing" 3 '*CRITICAL*partial: *nothing*is*accepted*' "subid: */subid.conf:1: *" "${audit[@]}"
rm "$T/image/etc/subid.conf"

# --- the command line -----------------------------------------------------------

expect "no such rule" 2 '' "subid: unknown rule 'x': 'subid audit --list-rules' lists them*" "${audit[@]}" --rule x
expect "nor to ignore" 2 '' "subid: unknown rule 'x'*" "${audit[@]}" --ignore x:y
expect "no such form" 2 '' "subid: --format: unknown form 'xml'; one of *" "${audit[@]}" --format xml
expect "no such level" 2 '' "subid: --fail-on: unknown level 'bad'; one of *" "${audit[@]}" --fail-on bad
expect "no operands" 2 '' "subid: 'x': audit takes no operands*" "${audit[@]}" x
expect "--json and another form" 2 '' 'subid: --json and --format do not agree*' "${audit[@]}" --json --format html
expect "--fix-plan has its form" 2 '' 'subid: --fix-plan has a form of its own*' "${audit[@]}" --fix-plan --json
expect "--explain" 0 'overlap-owners (critical): *Why it matters*What to do*' '' subid audit --explain overlap-owners
expect "--list-rules" 0 'every-id *critical *' '' subid audit --list-rules
is "as JSON, too" "$(subid --json audit --list-rules | jq -r '.rules[] | .rule' | sort)" "$(awk '{ print $1 }' <<<"$out" | sort)"
expect "a full standard output" 3 '' 'subid: standard output: No space left on device' \
	bash -c "subid --root '$T/image' audit >/dev/full"

# --- JSON -----------------------------------------------------------------------

# Checked by a reader that has nothing of ours.
validate() { # file
	python3 - "$schema" "$1" <<-'END'
		import json, jsonschema, sys
		schema, report = (json.load(open(name)) for name in sys.argv[1:])
		jsonschema.Draft7Validator.check_schema(schema)
		jsonschema.validate(report, schema)
		def known(value, at):
		    at = schema["definitions"][at["$ref"].rpartition("/")[2]] if "$ref" in at else at
		    for key, inner in value.items() if isinstance(value, dict) else ():
		        assert key in at["properties"], key + " is not documented"
		        known(inner, at["properties"][key])
		    for inner in value if isinstance(value, list) else ():
		        known(inner, at["items"])
		known(report, schema)
	END
}
# shellcheck disable=SC2016 # names as an attacker has them
hostile=('<script>alert(1)</script>:300000:10' $'\033[31mred:400000:10' $'\xff\xfe:500000:10' '"x"&'"'"':600000:10'
	$'a\u202eb:700000:10' '$(touch /etc/bad):800000:10' 'x;reboot:900000:10' "';touch /etc/bad;':920000:10" '-x:930000:10' '{rule="x"} 1:910000:10')
image alice:100000:65536 bob:120000:65536 carol:0:0 "${hostile[@]}" 'x:y' 'alice:100000:65536 '
json >"$T/report.json"
is "with findings it is 1, too" "$?" 1
ok "the report is as its schema says, and every member is documented" validate "$T/report.json"
jq '.findings[0].level = "bad"' "$T/report.json" >"$T/wrong.json"
not_ok "the schema is not content with everything" validate "$T/wrong.json"
is "a finding says what and where" \
	"$(jq -c '.findings[] | select(.rule == "overlap-owners" and .kind == "uid") | [.level, .file, .line, .other_line, .owner, .other, .range]' "$T/report.json")" \
	"[\"critical\",\"$T/image/etc/subuid\",1,2,\"alice\",\"bob\",{\"start\":120000,\"count\":45536}]"
is "counts are those of the findings" "$(jq -c '.summary.counts' "$T/report.json")" \
	"$(jq -c '[.findings[] | {l: .level, n: (.count // 1)}] | reduce .[] as $f ({critical: 0, error: 0, warning: 0, info: 0}; .[$f.l] += $f.n)' "$T/report.json")"
# shellcheck disable=SC2016
is "hostile owners, as JSON" "$(jq -r '.findings[] | select(.rule == "unknown-owner" and .kind == "uid") | .owner' "$T/report.json" | grep -v '[^ -~]' | sort)" \
	"$(printf '%s\n' '"x"&'"'" "';touch /etc/bad;'" -x '??' 'x;reboot' '{rule="x"} 1' '$(touch /etc/bad)' '<script>alert(1)</script>' | sort)"

# --- hostile owners in the other forms ------------------------------------------

"${audit[@]}" >"$T/report.txt"
is "text has no control character" "$(tr -d '\n -~' <"$T/report.txt" | wc -c)" 0
"${audit[@]}" --format prometheus >"$T/report.prom"
is "metrics have no foreign text" "$(grep -c 'script\|reboot' "$T/report.prom")" 0
"${audit[@]}" --fix-plan >"$T/plan"
is "the plan has no control character" "$(tr -d '\n -~' <"$T/plan" | wc -c)" 0
ok "the plan is a script" sh -n "$T/plan"
mkdir "$T/bin"
printf '#!/bin/sh\necho "$@" >>%s\n' "$T/called" >"$T/bin/subid"
chmod +x "$T/bin/subid"
run env PATH="$T/bin:/usr/bin:/bin" sh -e "$T/plan"
is "which calls nothing but subid" "$status $out" "0 "
ok "it has called it" test -s "$T/called"
ok "with --root" test "$(grep -vc -- "--root $T/image " "$T/called")" = 0
ok "no name in it is executed" test ! -e /etc/bad
expect "nothing was done by --fix-plan" 0 '*' '' diff "$T/image/etc/subuid" "$T/image/etc/subgid"

# --- Prometheus -----------------------------------------------------------------

# What promtool looks for: a HELP and a TYPE before each metric, names, labels,
# values, no series twice.
metrics_are_valid() { # file
	python3 - "$1" <<-'END'
		import re, sys
		seen, typed, helped = set(), set(), set()
		for line in open(sys.argv[1]):
		    line = line.rstrip("\n")
		    if m := re.fullmatch(r"# HELP ([a-z_]+) \S.*", line):
		        assert m[1] not in helped, line
		        helped.add(m[1])
		    elif m := re.fullmatch(r"# TYPE ([a-z_]+) gauge", line):
		        assert m[1] in helped and m[1] not in typed, line
		        typed.add(m[1])
		        current = m[1]
		    else:
		        m = re.fullmatch(r'(([a-z_]+)(\{[a-z]+="[a-z-]+"(,[a-z]+="[a-z-]+")*\})?) (-?[0-9.e+-]+)', line)
		        assert m and m[2] == current and m[1] not in seen, line
		        seen.add(m[1])
		        float(m[5])
		assert typed == helped and len(seen) > 50
	END
}
ok "the metrics are valid" metrics_are_valid "$T/report.prom"
is "each rule is there, also with 0" "$(grep -c '^subid_audit_findings{' "$T/report.prom")" "$(subid audit --list-rules | wc -l)"
is "what was found" "$(grep -E '^subid_audit_findings\{rule="overlap-owners"' "$T/report.prom")" \
	'subid_audit_findings{rule="overlap-owners",level="critical"} 2'
is "sums are those of JSON, with what its findings say also" "$(awk '/^subid_audit_findings/ { n += $2 } END { print n }' "$T/report.prom")" \
	"$(jq '([.summary.counts[]] | add) + ([.findings[].also // [] | length] | add)' "$T/report.json")"
for metric in subid_window_ids subid_window_free_ids subid_window_free_slots subid_grants subid_held_ids; do
	is "$metric of both kinds" "$(grep -c "^$metric{" "$T/report.prom")" 2
done
now=$(date +%s)
is "when it ran" "$(awk -v now="$now" '$1 == "subid_audit_last_run_timestamp_seconds" { print (now - $2 < 60) }' "$T/report.prom")" 1

# --- HTML -----------------------------------------------------------------------

"${audit[@]}" --format html >"$T/report.html"
chrome() { # argument...
	local profile
	profile=$(mktemp -d "$T/profile.XXXXXX")
	timeout 120 chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars \
		--disable-background-networking --disable-component-update --disable-sync --disable-dev-shm-usage \
		--user-data-dir="$profile" "$@" 2>"$T/chrome.log"
}
well_formed() {
	python3 - "$1" <<-'END'
		import html.parser, sys
		class Parser(html.parser.HTMLParser):
		    stack, ids, links = [], [], []
		    def handle_starttag(self, tag, attrs):
		        attrs = dict(attrs)
		        assert tag not in ("script", "img", "link", "iframe", "object", "form"), tag
		        for name, value in attrs.items():
		            assert not name.startswith("on"), name
		            if name in ("href", "src"):
		                assert value.startswith("#"), value
		                self.links.append(value[1:])
		        if "id" in attrs:
		            self.ids.append(attrs["id"])
		        if tag not in ("meta", "br"):
		            self.stack.append(tag)
		    def handle_startendtag(self, tag, attrs):
		        pass
		    def handle_endtag(self, tag):
		        assert self.stack.pop() == tag, tag
		parser = Parser()
		parser.feed(open(sys.argv[1], encoding="utf-8").read())
		assert not parser.stack, parser.stack
		assert len(parser.ids) == len(set(parser.ids)), "an id twice"
		for link in parser.links:
		    assert link in parser.ids, link
	END
}
ok "the page is well formed, with nothing from elsewhere, and each link leads somewhere" well_formed "$T/report.html"
is "the three worst are in its header, each with a link" "$(sed -n '/<header/,/<\/header>/p' "$T/report.html" | grep -c '<li class="[a-z]*"><a href="#f')" 3
ok "what was found comes before the pictures" test "$(grep -n 'class="finding"' "$T/report.html" | head -n 1 | cut -d: -f1)" -lt \
	"$(grep -n 'Who has which ids' "$T/report.html" | cut -d: -f1)"
is "digits are in groups" "$(grep -c '100&#8239;000 to 600&#8239;100&#8239;000' "$T/report.html")" 2
is "no script in it" "$(grep -ci '<script' "$T/report.html")" 0
is "the name is shown as text" "$(grep -c '&lt;script&gt;alert(1)&lt;/script&gt;' "$T/report.html" | sed 's/[1-9][0-9]*/some/')" some
is "no control character" "$(LC_ALL=C grep -c '[[:cntrl:]]' "$T/report.html")" 0
chrome --dump-dom "file://$T/report.html" >"$T/dom"
like "a browser shows it" "$(cat "$T/dom")" '*<h1>Isolation is broken: *</h1>*</html>*'
is "with pictures of uids and gids" "$(grep -c '<svg viewBox="0 0 1000 ' "$T/dom")" 2
ok "in which what is shared is red" grep -q 'class="shared"' "$T/dom"
ok "each red mark is enlarged, with the names of those who share it" grep -q 'class="zoom"' "$T/dom"
ok "and leads to the finding" grep -q '<a href="#f[0-9]*"><g>' "$T/dom"
is "the console is empty" "$(grep -c CONSOLE "$T/chrome.log")" 0
# How many colours a screenshot has, and its size.
looks() { # png
	python3 - "$1" <<-'END'
		import struct, sys, zlib
		data = open(sys.argv[1], "rb").read()
		assert data[:8] == b"\x89PNG\r\n\x1a\n"
		width, height, depth, kind = struct.unpack(">IIBB", data[16:26])
		at, packed = 8, b""
		while at < len(data):
		    size, name = struct.unpack(">I4s", data[at:at + 8])
		    packed += data[at + 8:at + 8 + size] if name == b"IDAT" else b""
		    at += 12 + size
		step = {2: 3, 6: 4}[kind]
		raw, rows, last = zlib.decompress(packed), [], bytes(width * step)
		for y in range(height):
		    kind, row = raw[y * (width * step + 1)], bytearray(raw[y * (width * step + 1) + 1:(y + 1) * (width * step + 1)])
		    for i in range(len(row)):
		        a, b, c = row[i - step] if i >= step else 0, last[i], last[i - step] if i >= step else 0
		        paeth = min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
		        row[i] = row[i] + (0, a, b, (a + b) // 2, paeth)[kind] & 255
		    rows.append(bytes(row))
		    last = row
		colours = {}
		for row in rows:
		    for x in range(0, width * step, step):
		        colours[row[x:x + 3]] = colours.get(row[x:x + 3], 0) + 1
		reds = sum(n for (r, g, b), n in colours.items() if r > 180 and g < 90 and b < 100)
		dark = sum(n for (r, g, b), n in colours.items() if r + g + b < 200) * 2 > width * height
		print(width, height, "colourful" if len(colours) > 200 else "plain", "red" if reds > 300 else "no red", "dark" if dark else "light")
	END
}
chrome --window-size=1000,4000 --blink-settings=preferredColorScheme=1 --screenshot="$T/light.png" "file://$T/report.html"
is "how it looks" "$(looks "$T/light.png")" "1000 4000 colourful red light"
chrome --window-size=1000,4000 --blink-settings=preferredColorScheme=0 --screenshot="$T/dark.png" "file://$T/report.html"
is "how it looks in the dark" "$(looks "$T/dark.png")" "1000 4000 colourful red dark"
# On paper nothing is dark, and what a click would show is there.
printed() { # html pdf: how many pages
	chrome --blink-settings=preferredColorScheme=0 --no-pdf-header-footer --print-to-pdf="$2" "file://$1"
	grep -ac '/Type /Page$' "$2"
}
# Large rectangles filled with what is nearly black.
dark_areas() { # pdf
	python3 - "$1" <<-'END'
		import re, sys, zlib
		dark = 0
		for stream in re.findall(rb"stream\r?\n(.*?)endstream", open(sys.argv[1], "rb").read(), re.S):
		    try:
		        text = zlib.decompressobj().decompress(stream)
		    except zlib.error:
		        continue
		    fill, rect = (1, 1, 1), 0
		    for line in text.decode("latin-1").split("\n"):
		        words = line.split()
		        if words[-1:] == ["rg"]:
		            fill = tuple(map(float, words[-4:-1]))
		        elif words[-1:] == ["re"]:
		            rect = abs(float(words[-3]) * float(words[-2]))
		        elif words == ["f"] and rect > 40000 and sum(fill) < 0.5:
		            dark += 1
		print(dark)
	END
}
for i in $(seq 40); do echo "ghost$i:$((700000 + i * 10)):10"; done | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
"${audit[@]}" --format html >"$T/many.html"
ok "much of the same is behind a click" grep -q '<details>' "$T/many.html"
sed 's/<details>/<details open>/' "$T/many.html" >"$T/open.html"
sed 's/details::details-content{[^}]*}//' "$T/many.html" >"$T/shut.html"
pages=$(printed "$T/many.html" "$T/many.pdf")
is "on paper it is there" "$pages" "$(printed "$T/open.html" "$T/open.pdf")"
ok "on more pages than without" test "$pages" -gt "$(printed "$T/shut.html" "$T/shut.pdf")"
is "nor is it dark" "$(dark_areas "$T/many.pdf")" 0
sed 's/header{background:#fff}/header{background:#111}/' "$T/many.html" >"$T/black.html"
printed "$T/black.html" "$T/black.pdf" >/dev/null
not_ok "(which would be seen)" test "$(dark_areas "$T/black.pdf")" = 0
image alice:100000:65536 bob:165536:65536
"${audit[@]}" --format html >"$T/clean.html"
like "a clean page says so" "$(cat "$T/clean.html")" '*<h1>No problems found</h1>*Nothing was found.*'
is "and has no red" "$(grep -c 'class="shared" x' "$T/clean.html")" 0
mapfile -t lines < <(awk 'BEGIN { for (i = 0; i < 65000; i++) printf "user%d:%d:%d\n", i, 100000 + i * 65536, 65536; print "bob:1000000:7" }')
image "${lines[@]}"
"${audit[@]}" --format html >"$T/large.html"
ok "65,000 owners make no larger a picture" test "$(stat -c %s "$T/large.html")" -lt 600000
ok "in which seven shared ids are seen" grep -q 'class="shared" x' "$T/large.html"
ok "which is well formed, too" well_formed "$T/large.html"
is "with no more rows than the first hundred of each order" \
	"$(grep -c '<tr class="row' "$T/large.html" | awk '{ print ($1 >= 100 && $1 <= 400) }') $(grep -c 'The first 100 of each order' "$T/large.html")" "1 1"

# Red marks, enlarged; owners in each order, by style alone; digits in groups.
image zoe:100000:65536 bob:120000:70000 '<b>:150000:10' 70001234:400000:1000 carol:500000:65536
"${audit[@]}" --format html >"$T/owners.html"
ok "a page with marks and owners is well formed" well_formed "$T/owners.html"
is "names beside each mark" "$(grep -A 9 'class="zoom"' "$T/owners.html" | grep -o '>[a-z0-9&;]* [0-9&#;-]*</text>' | sort -u | paste -sd ' ')" \
	'>&lt;b&gt; 150&#8239;000-150&#8239;009</text> >bob 120&#8239;000-189&#8239;999</text> >zoe 100&#8239;000-165&#8239;535</text>'
is "a mark leads to what was found" "$(grep -c 'class="zoom"><p><a href="#f[0-9]*">120&#8239;000-165&#8239;535</a>, 45&#8239;536 ids' "$T/owners.html")" 2
in_order() { # number of the order
	grep -o "<tr class=\"row.*" "$T/owners.html" | sed -E "s/.*--o$1:([0-9]+);.*\"><td>([^<]*)<.*/\1 \2/" | sort -n | cut -d ' ' -f 2 | paste -sd ' '
}
is "owners by name" "$(in_order 0)" '70001234 &lt;b&gt; bob carol zoe'
is "by number of ids" "$(in_order 2)" 'bob carol zoe 70001234 &lt;b&gt;'
is "by first id" "$(in_order 3)" 'zoe bob &lt;b&gt; 70001234 carol'
is "by findings: the worst first, and last who has none" "$(in_order 1 | awk '{ print $NF }')" carol
for order in name found ids first; do
	ok "a button for $order chooses it without a script" grep -q "#by-$order:checked~table .row{order:var(--o" "$T/owners.html"
done
sed -e 's| checked=""||' -e 's|id="by-ids"|& checked=""|' "$T/owners.html" >"$T/by_ids.html"
for page in owners by_ids; do
	chrome --window-size=900,4000 --screenshot="$T/$page.png" "file://$T/$page.html"
done
not_ok "and it looks otherwise then" cmp -s "$T/owners.png" "$T/by_ids.png"
is "digits in sentences are in groups that are not copied" "$(grep -c '120<span class="g">000</span>-165<span class="g">535</span>' "$T/owners.html" | awk '{ print ($1 > 0) }')" 1
is "no command is written so" "$(grep -A 5 '<pre>' "$T/owners.html" | grep -c 'revoke --range 1[0-9]*:.*')" \
	"$(grep -c 'revoke --range 1' "$T/owners.html")"

image alice:100000:65536 bob:165536:65536 root:1000000:1000000000
"${audit[@]}" --format html >"$T/lxd.html"
is "a thousand million ids of one leave room for the names of the others" \
	"$(grep -o '<text class="name"[^>]*>[a-z]*' "$T/lxd.html" | sed 's/.*>//' | sort | uniq -c | tr -s ' \n' ' ')" " 2 alice 2 bob 2 root "

# --- since last time ------------------------------------------------------------

image alice:100000:65536 bob:120000:65536 dave:300000:65536
json >"$T/former.json"
{
	echo '# moves every line'
	printf '%s\n' alice:100000:65536 bob:165536:65536 dave:300000:65536 erin:400000:65536
} | tee "$T/image/etc/subuid" >"$T/image/etc/subgid"
expect "--since: new and gone" 0 '*erin*gone: overlap-owners*; since 20*Z * new, 2 gone*' '' "${audit[@]}" --since "$T/former.json"
is "what has only moved is not new" "$(grep -E '^WARNING unknown-owner' <<<"$out" | sed 's|.*/etc/||')" \
	$'subuid:4; likewise in subgid\nsubuid:5; likewise in subgid (new)'
json --since "$T/former.json" >"$T/since.json"
ok "JSON with it is as the schema says" validate "$T/since.json"
is "new and gone in JSON" "$(jq -c '[([.findings[] | select(.new) | .owner // "-"] | unique), ([.gone[] | .rule] | unique), .summary.gone]' "$T/since.json")" \
	'[["-","erin"],["overlap-owners"],2]'
like "in metrics" "$("${audit[@]}" --since "$T/former.json" --format prometheus)" '*
subid_audit_gone 2
*'
like "in the page" "$("${audit[@]}" --since "$T/former.json" --format html)" '*new-mark*id="gone"*overlap-owners*'
jq '.time = "2026-01-01T00:00:00Z" | .summary.windows.uid.free_slots += 5000' "$T/former.json" >"$T/long_ago.json"
like "when the window is full at this pace" "$("${audit[@]}" --since "$T/long_ago.json" | tr -s ' \n' ' ')" \
	'*uids: *; full on 20*-*-* at the pace since the former report (500? grants in * days) gids: *'
jq '.time = (now - 86000 | todate) | .summary.windows.uid.free_slots += 5000' "$T/former.json" >"$T/today.json"
like "no pace is made of less than a day" "$("${audit[@]}" --since "$T/today.json" | grep -c 'full on')" 0
jq '.host = "elsewhere"' "$T/former.json" >"$T/elsewhere.json"
expect "another host's is refused" 3 '' "subid: --since: $T/elsewhere.json: it is of another host, *" "${audit[@]}" --since "$T/elsewhere.json"
jq '.root = "/srv"' "$T/former.json" >"$T/srv.json"
expect "another root's, too" 3 '' "subid: --since: $T/srv.json: it is of another --root, *" "${audit[@]}" --since "$T/srv.json"
jq 'del(.root)' "$T/former.json" >"$T/rootless.json"
expect "and the host's for a root" 3 '' "subid: --since: $T/rootless.json: it is of another --root, *" "${audit[@]}" --since "$T/rootless.json"
same() { json --since "$1" --output "$1"; }
run same "$T/former.json"
is "the same file is read and replaced" "$status $(jq -c '[.summary.gone, (.gone | length)]' "$T/former.json")" "0 [2,2]"
for bad in '' '[]' '{' '{"version":"1","time":"2026-01-01T00:00:00Z","findings":[{}]}' \
	'{"version":1,"time":"2026-01-01T00:00:00Z","findings":[]}' '{"version":"1","time":"soon","findings":[]}'; do
	printf %s "$bad" >"$T/bad.json"
	expect "--since refuses '$bad'" 3 '' "subid: --since: $T/bad.json: *" "${audit[@]}" --since "$T/bad.json"
done
expect "--since without the file" 3 '' 'subid: --since: /nowhere: unable to open /nowhere: *' "${audit[@]}" --since /nowhere

# --- into a file ----------------------------------------------------------------

mkdir "$T/small" "$T/shut"
mount -t tmpfs -o size=16k small "$T/small"
echo old >"$T/small/audit.html"
expect "a full disk" 3 '' "subid: $T/small/audit.html: No space left on device*" "${audit[@]}" --format html --output "$T/small/audit.html"
is "leaves the old file, and nothing else" "$(cat "$T/small"/*)|$(ls -A "$T/small")" "old|audit.html"
mount -t tmpfs -o ro shut "$T/shut"
expect "a file system that is read-only" 3 '' "subid: $T/shut/audit: Read-only file system*" "${audit[@]}" --output "$T/shut/audit"
(umask 077 && subid --root "$T/image" audit --output "$T/out.txt")
is "the mode is 0644, whatever the umask" "$(stat -c %a "$T/out.txt")" 644
chmod 600 "$T/out.txt"
subid --root "$T/image" audit --output "$T/out.txt"
is "a file that only root may read stays so" "$(stat -c %a "$T/out.txt")" 600
chgrp adm "$T/out.txt"
chmod 750 "$T/out.txt"
subid --root "$T/image" audit --output "$T/out.txt"
is "or one of a group" "$(stat -c '%a %G' "$T/out.txt")" "640 adm"
# Each call that puts the file in its place made to fail: the old one stays, alone.
mkdir "$T/faulty"
left_whole() { # call
	echo old >"$T/faulty/audit"
	strace -f -qq -e trace="$1" -e "inject=$1:error=EIO:when=1" -o /dev/null \
		subid --root "$T/image" audit --output "$T/faulty/audit" 2>"$T/stderr"
	echo "$? $(ls "$T/faulty") $(<"$T/faulty/audit") $(grep -c ': Input/output error' "$T/stderr")"
}
for call in write fchmod fsync linkat renameat; do
	is "$call fails" "$(left_whole "$call")" "3 audit old 1"
done
ln -s /dev/null "$T/link"
expect "what is no regular file is not replaced" 3 '' "subid: $T/link: not a regular file*" "${audit[@]}" --output "$T/link"
expect "nor is a device" 3 '' 'subid: /dev/null: not a regular file*' "${audit[@]}" --output /dev/null
expect "-q does not keep it from the file" 0 '' '' "${audit[@]}" -q --fail-on never --output "$T/quiet.txt"
ok "which is there" test -s "$T/quiet.txt"

# --- the running system ---------------------------------------------------------

tables $'alice:100000:65536\nbob:165536:65536'
subid audit --fail-on never >"$T/root.txt"
is "root sees everything" "$?" 0
is "and nothing is missing" "$(grep -c '^partial' "$T/root.txt")" 0
expect "an ordinary user does not" 3 '*partial: *' 'subid: the report is partial: *(--partial accepts that)' \
	as alice subid audit --fail-on never
like "nor root without a capability, which is named" \
	"$(setpriv --bounding-set=-sys_ptrace --inh-caps=-sys_ptrace subid audit --fail-on never 2>&1 >"$T/blind.txt")" \
	"*report is partial: *: CAP_SYS_PTRACE is missing: run the audit outside of the container or the unit that has dropped it*"
expect "which can be accepted" 0 '*partial: *' '' as alice subid audit --fail-on never --partial
is "JSON says so as well" "$(as alice subid --json audit --fail-on never --partial | jq -c '.summary | [.partial, (.missing | length > 0)]')" "[true,true]"
like "and the page" "$(as alice subid audit --format html --fail-on never --partial)" '*This report is partial*'
is "and the metrics" "$(as alice subid audit --format prometheus --partial | grep '^subid_audit_partial')" "subid_audit_partial 1"
chmod 600 /etc/subgid
expect "a table that cannot be read is told, whatever is accepted" 3 '*partial: /etc/subgid could not be read*' \
	'subid: /etc/subgid: Permission denied*' as alice subid audit --partial --fail-on never
chmod 644 /etc/subgid
mv /etc/subuid /etc/elsewhere
ln -s elsewhere /etc/subuid
expect "a table that is a link is read through it" 0 '*2 lines of subuid*' '' subid audit --fail-on never --rule overlap-owners
rm /etc/subuid
mv /etc/elsewhere /etc/subuid

# What runs: alice's namespace with her own ids, and one into which somebody with
# privilege has written bob's.
tables $'alice:100000:65536\nbob:165536:65536'
start become alice unshare --user --map-users=100000,0,1000 --map-groups=100000,0,1000 sleep infinity
wait_for runs "$started_pid" sleep
new_target alice
printf '0 165536 10\n' >"/proc/$target/uid_map"
printf '0 165536 10\n' >"/proc/$target/gid_map"
inode=$(stat -Lc %i "/proc/$target/ns/user")
expect "a live map of another's ids, with its namespace" 1 "*CRITICAL live-unauthorised: user namespace $inode*165536*" '' subid audit
like "what was looked at" "$(tr -s ' \n' ' ' <<<"$out")" '* 2 user namespaces, [1-9]* processes; *'
expect "--no-live does not look" 0 '*no processes*' '' subid audit --no-live
subid --json audit >"$T/live.json"
ok "JSON is as its schema says" validate "$T/live.json"
is "and has the namespace and its process" \
	"$(jq -c '[.findings[] | select(.rule == "live-unauthorised")][0] | [.namespace, .pids[0]]' "$T/live.json")" "[$inode,$target]"
subid audit --format html >"$T/live.html"
ok "the page is well formed" well_formed "$T/live.html"
is "and has what runs in its pictures" "$(grep -c '>running</text>' "$T/live.html")" 2
like "metrics count namespaces" "$(subid audit --format prometheus)" $'*\nsubid_user_namespaces 2\n*\nsubid_audit_passed_over 0\n*'
is "of few, all descriptors are followed" "$(jq .summary.looked_at.passed_over "$T/live.json")" false
end "$target"

# more than are followed one by one
# shellcheck disable=SC2016 # for that shell to expand
start unshare --user --map-root-user --pid --fork --kill-child sh -c \
	'for i in $(seq 1001); do sleep infinity & done; touch "$1"; wait' sh "$T/crowd"
wait_for test -e "$T/crowd"
subid --json audit >"$T/crowd.json"
is "of many they are not, and the report says so" "$(jq .summary.looked_at.passed_over "$T/crowd.json")" true
ok "by its schema" validate "$T/crowd.json"
like "so do the metrics" "$(subid audit --format prometheus)" $'*\nsubid_audit_passed_over 1\n*'
is "--thorough follows them" "$(subid --json audit --thorough | jq .summary.looked_at.passed_over)" false
end "$started_pid"

# --- by itself ------------------------------------------------------------------

examples=$PRE/share/doc/subid/examples units=$PRE/lib/systemd/system
expect "the units are valid" 0 '' '' env MANPATH="$PRE/share/man:/usr/share/man" \
	systemd-analyze verify "$units/subid-audit.service" "$units/subid-audit.timer"
is "it sees homes, and cannot write there" "$(grep '^ProtectHome=' "$units/subid-audit.service")" ProtectHome=read-only
exposure=$(systemd-analyze security --offline=true --no-pager "$units/subid-audit.service" | sed -n 's/.*level for [^:]*: \([0-9]*\).*/\1/p')
ok "the service is exposed to little" test "${exposure:-9}" -le 1
# What the service does, with no more capabilities than it has.
caps=$(sed -n 's/^CapabilityBoundingSet=//p' "$units/subid-audit.service" | tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
mkdir -p "$T/state"
sed -n "s|/var/lib/subid/|$T/state/|; s/^ExecStart=//p" "$units/subid-audit.service" | sed -n 1,2p >"$T/commands"
ok "its commands are two that write" test "$(grep -c -- '--output' "$T/commands")" = 2
expect "run with its capabilities alone, they see all" 0 '' '' \
	setpriv --bounding-set="-all,$caps" --inh-caps=-all --no-new-privs sh -e "$T/commands"
is "and write what the page promises" "$(ls "$T/state")" $'audit.html\naudit.prom'
is "which is not partial" "$(grep '^subid_audit_partial' "$T/state/audit.prom")" "subid_audit_partial 0"

# cron(8) runs the example as it is but for the time, which is when cron starts; what
# it would mail goes to a file.
mkdir -p "$T/sbin" "$T/sbin.work"
printf '#!/bin/sh\ncat >>%s\n' "$T/mail" >"$T/sbin/sendmail"
chmod +x "$T/sbin/sendmail"
mount -t overlay -o "lowerdir=/usr/sbin,upperdir=$T/sbin,workdir=$T/sbin.work" sbin /usr/sbin
mount -t tmpfs run /run
rm -f /etc/crontab /etc/cron.d/*
sed "s|^PATH=.*|PATH=$PATH|; s/^[0-9]* [0-9]* \* \* \*/@reboot/; s|warning\$|&; touch $T/ran|" "$examples/subid-audit.cron" \
	>/etc/cron.d/subid-audit
childless() { ! pgrep -P "$1" >/dev/null; }
cron_runs() {
	rm -f "$T/ran" "$T/mail" /run/crond.*
	start cron -f
	wait_for test -e "$T/ran"
	wait_for childless "$started_pid"
	end "$started_pid"
}
is "the example is one line for cron" "$(grep -c '^@reboot root subid -q audit --fail-on warning' /etc/cron.d/subid-audit)" 1
tables $'alice:100000:65536\nbob:165536:65536'
cron_runs
is "all is well: cron has run it and sends no mail" "$(ls "$T/ran" "$T/mail" 2>/dev/null)" "$T/ran"
tables $'alice:100000:65536\nbob:120000:65536'
cron_runs
like "an overlap: cron mails it" "$(cat "$T/mail")" '*CRITICAL overlap-owners*'
