/* SPDX-License-Identifier: MIT */
/*
 * The audit of the directory for a browser, and for node_exporter.
 */
#include <string.h>
#include <time.h>

#include "tools/subid-ldap/audit.h"
#include "tools/subid/report/html.h"

/* Findings of one rule that the page shows. */
#define SHOWN_MAX 200

static void print_text(FILE *out, const char *text)
{
	html_text(out, text, strlen(text));
}

static size_t count_level(const struct site_audit *audit, enum site_audit_level level)
{
	size_t n = 0;

	for (size_t i = 0; i < audit->n_findings; i++)
		n += audit->findings[i].level == level;
	return n;
}

/* --- HTML ------------------------------------------------------------------------------
 */

static void print_chips(const struct site_audit *audit, FILE *out)
{
	(void)fputs("<div class=\"chips\">", out);
	for (int level = SITE_CRITICAL; level >= SITE_INFO; level--) {
		const char *name = site_audit_level_name((enum site_audit_level)level);
		size_t n = count_level(audit, (enum site_audit_level)level);

		(void)fprintf(out, "<span class=\"chip %s%s\"><b>%zu</b>%s</span>", name,
			      n > 0 ? " on" : "", n, name);
	}
	(void)fputs("</div>", out);
}

static void print_head(const struct site_audit_shown *shown, FILE *out)
{
	const struct site_audit *audit = shown->audit;
	const char *tone = audit->n_findings == 0
			       ? "ok"
			       : site_audit_level_name(audit->findings[0].level);
	char when[CLI_TIME_SIZE];

	(void)cli_time(time(NULL), when);
	(void)fprintf(
	    out,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>subid: "
	    "the site's directory</title>\n<style>%s</style>\n</head>\n<body>\n<header "
	    "class=\"%s\"><div><p>subid --directory audit</p><h1>",
	    html_style, tone);
	print_text(out, audit->conf->directory.base);
	(void)fprintf(out, "</h1><p>%zu owners, %zu claims, %d hosts; %s</p>",
		      audit->n_owners, audit->n_claims, shown->n_hosts, when);
	print_chips(audit, out);
	(void)fputs("</div></header>\n<main>\n", out);
}

static void print_pools(const struct site_audit *audit, FILE *out)
{
	(void)fputs("<h2>Pools</h2>\n<div class=\"card\">", out);
	for (size_t i = 0; i < audit->conf->n_pools; i++) {
		const struct subid_conf_pool *pool = &audit->conf->pools[i];
		uint32_t blocks = pool->range.count / pool->block;
		uint32_t taken = site_audit_taken(audit, pool);
		double used = 100.0 * taken / blocks;

		(void)fputs("<h4>", out);
		print_text(out, pool->name);
		(void)fprintf(out,
			      " %u to %llu</h4><div class=\"meter\"><i style=\"width:"
			      "%.1f%%\"></i></div><p>%u of %u blocks of %u ids in use"
			      "</p>",
			      pool->range.start,
			      (unsigned long long)id_range_end(pool->range) - 1, used,
			      taken, blocks, pool->block);
	}
	(void)fputs("</div>\n", out);
}

static void print_finding(const struct site_audit_finding *finding, FILE *out)
{
	(void)fputs("<div class=\"finding\"><div class=\"place\"><code>", out);
	print_text(out, finding->place == NULL ? "" : finding->place);
	(void)fputs("</code>", out);
	if (finding->owner != NULL && finding->owner != finding->place) {
		(void)fputs(" ", out);
		print_text(out, finding->owner);
	}
	if (finding->range.count > 0)
		(void)fprintf(out, " %u-%llu", finding->range.start,
			      (unsigned long long)id_range_end(finding->range) - 1);
	(void)fputs("</div><p>", out);
	print_text(out, finding->reason == NULL ? "" : finding->reason);
	(void)fputs("</p>", out);
	if (finding->command != NULL) {
		(void)fputs("<pre>subid --directory ", out);
		print_text(out, finding->command);
		(void)fputs("</pre>", out);
	}
	(void)fputs("</div>\n", out);
}

/* Findings are in the order of their rules.  The index after those of one. */
static size_t print_rule(const struct site_audit *audit, size_t first, FILE *out)
{
	const struct site_audit_finding *finding = &audit->findings[first];
	size_t end = first;

	while (end < audit->n_findings &&
	       strcmp(audit->findings[end].rule, finding->rule) == 0 &&
	       audit->findings[end].level == finding->level)
		end++;
	(void)fprintf(out,
		      "<section class=\"card rule %s\"><h3><code>%s</code><span>%zu"
		      " case%s</span></h3>\n",
		      site_audit_level_name(finding->level), finding->rule, end - first,
		      end - first == 1 ? "" : "s");
	for (size_t i = first; i < end && i - first < SHOWN_MAX; i++)
		print_finding(&audit->findings[i], out);
	if (end - first > SHOWN_MAX)
		(void)fprintf(out, "<p class=\"dim\">And %zu more.</p>",
			      end - first - SHOWN_MAX);
	(void)fputs("</section>\n", out);
	return end;
}

static void print_hosts(const struct site_audit_shown *shown, FILE *out)
{
	if (shown->n_hosts == 0)
		return;
	(void)fputs("<h2>Hosts</h2>\n<div class=\"card\"><dl>", out);
	for (int i = 0; i < shown->n_hosts; i++) {
		size_t n = 0;

		for (size_t k = 0; k < shown->audit->n_findings; k++) {
			const char *place = shown->audit->findings[k].place;

			n += place != NULL && strcmp(place, shown->hosts[i]) == 0;
		}
		(void)fputs("<dt>", out);
		print_text(out, shown->hosts[i]);
		(void)fprintf(out, "</dt><dd>%zu findings</dd>", n);
	}
	(void)fputs("</dl></div>\n", out);
}

void site_audit_write_html(const struct site_audit_shown *shown, FILE *out)
{
	const struct site_audit *audit = shown->audit;

	print_head(shown, out);
	(void)fputs("<h2>Findings</h2>\n", out);
	if (audit->n_findings == 0)
		(void)fputs("<div class=\"card well\">Nothing was found.</div>\n", out);
	for (size_t i = 0; i < audit->n_findings;)
		i = print_rule(audit, i, out);
	print_pools(audit, out);
	print_hosts(shown, out);
	(void)fputs("</main>\n<footer>subid " SUBID_VERSION
		    ". Rules: subid-ldap(8).</footer>\n</body>\n</html>\n",
		    out);
}

/* --- Prometheus ------------------------------------------------------------------------
 */

/* All of them, so that alerts can be written for what was never found. */
static const char *const rules[] = {
	"account-inside", "claim-free",	    "claim-of-another", "damaged",
	"half-revoked",	  "host-differs",   "host-forgotten",	"host-own",
	"hosts-overlap",  "no-claim",	    "odd-claim",	"orphan-claim",
	"outside-pools",  "overlap-owners", "pending",		"pool-differs",
	"pool-filling",	  "unequal",
};

static void describe(FILE *out, const char *name, const char *help)
{
	(void)fprintf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

static void print_one(FILE *out, const char *name, const char *help, double value)
{
	describe(out, name, help);
	(void)fprintf(out, "%s %.17g\n", name, value);
}

/* Names of pools are letters, digits, '-' and '_'. */
static void print_pool_figures(const struct site_audit *audit, FILE *out)
{
	describe(out, "subid_directory_pool_blocks", "Blocks of a pool.");
	for (size_t i = 0; i < audit->conf->n_pools; i++)
		(void)fprintf(out, "subid_directory_pool_blocks{pool=\"%s\"} %u\n",
			      audit->conf->pools[i].name,
			      audit->conf->pools[i].range.count /
				  audit->conf->pools[i].block);
	describe(out, "subid_directory_pool_blocks_taken",
		 "Blocks of a pool that are granted or held.");
	for (size_t i = 0; i < audit->conf->n_pools; i++)
		(void)fprintf(out, "subid_directory_pool_blocks_taken{pool=\"%s\"} %u\n",
			      audit->conf->pools[i].name,
			      site_audit_taken(audit, &audit->conf->pools[i]));
}

void site_audit_write_prometheus(const struct site_audit_shown *shown, FILE *out)
{
	const struct site_audit *audit = shown->audit;

	describe(out, "subid_directory_findings",
		 "Findings of subid --directory audit by rule.");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		size_t n = 0;

		for (size_t k = 0; k < audit->n_findings; k++)
			n += strcmp(audit->findings[k].rule, rules[i]) == 0;
		(void)fprintf(out, "subid_directory_findings{rule=\"%s\"} %zu\n",
			      rules[i], n);
	}
	describe(out, "subid_directory_findings_by_level", "The same by level.");
	for (int level = SITE_INFO; level <= SITE_CRITICAL; level++)
		(void)fprintf(out,
			      "subid_directory_findings_by_level{level=\"%s\"} %zu\n",
			      site_audit_level_name((enum site_audit_level)level),
			      count_level(audit, (enum site_audit_level)level));
	print_pool_figures(audit, out);
	print_one(out, "subid_directory_owners", "Owners in the directory.",
		  (double)audit->n_owners);
	print_one(out, "subid_directory_claims", "Claims of blocks in the directory.",
		  (double)audit->n_claims);
	print_one(out, "subid_directory_hosts", "Hosts that were compared with it.",
		  shown->n_hosts);
	print_one(out, "subid_directory_last_run_timestamp_seconds",
		  "When the audit ran.", (double)time(NULL));
}
