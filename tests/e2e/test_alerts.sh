#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The example of Prometheus alert rules: promtool takes it, and each alert fires when it
# should and not before, on the names that the metrics of an audit have.
. "$(dirname "$0")/lib.sh"
plan 4

rules=$PRE/share/doc/subid/examples/subid-alerts.yml
root=$T/image
mkdir -p "$root/etc"
printf 'root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n' >"$root/etc/passwd"
printf 'alice:100000:65536\n' | tee "$root/etc/subuid" >"$root/etc/subgid"
subid --root "$root" audit --fail-on never --format prometheus >"$T/metrics"
is "each metric that the rules name is one of the audit's" \
	"$(grep -o 'subid_[a-z_]*' "$rules" | sort -u | while read -r metric; do grep -q "^${metric}[ {]" "$T/metrics" || echo "$metric"; done)" ""
is "its comment names the file of the unit" "$(grep -c "/subid/audit.prom of" "$rules")" 1
if ! command -v promtool >/dev/null; then
	skip 2 "no promtool (package prometheus)"
	exit
fi
ok "promtool takes the rules" promtool check rules "$rules"
# one level, then the next hour; the window with 19, then 20 more grants
cat >"$T/test.yml" <<YAML
rule_files: [$rules]
evaluation_interval: 5m
tests:
  - interval: 5m
    input_series:
      - series: 'subid_audit_findings{rule="includes-root",level="critical",instance="h"}'
        values: '0 0 1x20'
      - series: 'subid_audit_findings{rule="small",level="info",instance="h"}'
        values: '7x20'
      - series: 'subid_audit_findings{rule="one-sided",level="error",instance="h"}'
        values: '1x40'
      - series: 'subid_window_free_slots{kind="uid",instance="h"}'
        values: '20 19x20'
      - series: 'subid_audit_partial{instance="h"}'
        values: '0x40'
    alert_rule_test:
      - {eval_time: 5m, alertname: SubidIsolationBroken}
      - eval_time: 10m
        alertname: SubidIsolationBroken
        exp_alerts:
          - exp_labels: {severity: critical, rule: includes-root, instance: h}
            exp_annotations:
              summary: "h: includes-root: isolation of containers is broken"
              description: "Run 'subid audit --rule includes-root' there: it says who is concerned and what mends it."
      - {eval_time: 55m, alertname: SubidError}
      - eval_time: 65m
        alertname: SubidError
        exp_alerts:
          - exp_labels: {severity: warning, rule: one-sided, instance: h}
            exp_annotations:
              summary: "h: one-sided: containers will fail, or programs disagree"
              description: "Run 'subid audit --rule one-sided' there."
      - {eval_time: 0m, alertname: SubidWindowLow}
      - eval_time: 5m
        alertname: SubidWindowLow
        exp_alerts:
          - exp_labels: {severity: warning, kind: uid, instance: h}
            exp_annotations:
              summary: "h: room for 19 more ranges of uids"
              description: "When the window is full, new users get no range: raise SUB_UID_MAX and SUB_GID_MAX."
      - {eval_time: 60m, alertname: SubidAuditPartial}
YAML
ok "each fires when it should" promtool test rules "$T/test.yml"
