/* SPDX-License-Identifier: MIT */
/*
 * What all parts of an audit's page need: how it looks, light and dark by what the
 * reader prefers and on paper, and how foreign text is escaped.
 */
#include <string.h>

#include "tools/subid/report/html.h"

const char html_style[] =
    ":root{color-scheme:light dark;--bg:#f4f6f9;--card:#fff;--ink:#1a2433;--dim:#5c6a7e;"
    "--line:#dde3eb;--soft:#eef2f7;--code:#f1f4f8;--critical:#b4141e;--error:#c2490a;"
    "--warning:#8a6500;--info:#1b66a8;--ok:#1f7a3a;--critical-bg:#fdecec;"
    "--error-bg:#fdf0e6;--warning-bg:#fcf5da;--info-bg:#e8f1fa;--ok-bg:#e6f5ea;"
    "--owner-s:48%;--shared:#d9121f;--hatch:#9aa6b5}\n"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--bg:#10151c;--card:#19212b;--ink:#e4eaf2;"
    "--dim:#93a1b3;--line:#2b3644;--soft:#212b37;--code:#121922;--critical:#ff8087;"
    "--error:#ffa066;--warning:#f0c64a;--info:#7dbcf5;--ok:#74d68f;--critical-bg:#3a1a1e;"
    "--error-bg:#37231a;--warning-bg:#332c16;--info-bg:#182b3d;--ok-bg:#16301f;"
    "--owner-s:40%;--shared:#ff4d57;--hatch:#66758a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,"
    "-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}\n"
    "main,header>div,footer{max-width:1180px;margin:0 auto;padding:0 24px}\n"
    "header{background:var(--card);border-bottom:1px solid var(--line);"
    "border-top:5px solid var(--tone);padding:20px 0 18px}\n"
    "header.critical{--tone:var(--critical)}header.error{--tone:var(--error)}"
    "header.warning{--tone:var(--warning)}header.info,header.ok{--tone:var(--ok)}\n"
    "header p{margin:0;color:var(--dim)}\n"
    "h1{margin:2px 0 10px;font-size:27px;line-height:1.25;color:var(--tone)}\n"
    "h2{font-size:18px;margin:34px 0 12px}h2 small{font-weight:400;color:var(--dim);"
    "font-size:14px;margin-left:8px}\n"
    "h3{margin:0;font-size:15px;font-weight:600}h4{margin:0 0 8px;font-size:14px}\n"
    ".chips{display:flex;flex-wrap:wrap;gap:8px}\n"
    ".worst{margin:12px 0 0;padding-left:20px;font-size:14px}.worst li{margin:3px 0}"
    ".worst a{color:var(--tone);text-decoration:none}"
    ".worst .critical{--tone:var(--critical)}.worst .error{--tone:var(--error)}"
    ".worst .warning{--tone:var(--warning)}\n"
    ".chip{display:inline-block;border-radius:999px;padding:3px 13px;font-size:14px;"
    "background:var(--soft);color:var(--dim);text-decoration:none}\n"
    ".chip b{margin-right:5px}\n"
    ".chip.critical,.chip.error,.chip.warning,.chip.info,.chip.new{font-weight:500}\n"
    ".critical.on{background:var(--critical-bg);color:var(--critical)}"
    ".error.on{background:var(--error-bg);color:var(--error)}"
    ".warning.on{background:var(--warning-bg);color:var(--warning)}"
    ".info.on{background:var(--info-bg);color:var(--info)}\n"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:10px;"
    "padding:16px 20px;margin:0 0 14px}\n"
    ".note{background:var(--warning-bg);border-color:transparent;margin-top:18px}"
    ".note ul{margin:4px 0 0;padding-left:20px}\n"
    ".picture{overflow-x:auto;padding-bottom:10px}"
    ".picture svg{display:block;width:100%;min-width:760px;height:auto;margin:0 0 6px}\n"
    ".picture h4:not(:first-child){border-top:1px solid var(--line);padding-top:14px;"
    "margin-top:12px}\n"
    "svg text{font-size:11px;fill:var(--dim);font-family:inherit}"
    "svg .lane{font-size:12px}svg .number,svg .name,svg .dots{text-anchor:middle}"
    "svg .number{font-variant-numeric:tabular-nums}"
    "svg .name{fill:#fff;font-weight:500;pointer-events:none}\n"
    "svg .tick{stroke:var(--dim);stroke-width:1;fill:none}svg .piece{fill:var(--soft)}"
    "svg .left-out{fill:transparent}svg .short{fill:var(--soft);opacity:.5}svg "
    ".dots{font-size:17px}\n"
    "svg .window,.key .window{fill:var(--info);background:var(--info);opacity:.45}"
    "svg .account,.key .account{fill:var(--dim);background:var(--dim)}"
    "svg .held,.key .held{fill:var(--hatch);background:var(--hatch)}"
    "svg .many,.key .many{fill:hsl(210 15% 40%)}\n"
    "svg .shared,.key .shared{fill:var(--shared);background:var(--shared)}"
    "svg .band{fill:var(--shared);opacity:.16;pointer-events:none}"
    "svg .known{fill:var(--hatch)}svg .known-band{fill:none}"
    "svg a:hover .shared{stroke:var(--ink);stroke-width:1}\n"
    "svg [class^=o]{fill:currentColor}.key i[class^=o]{background:currentColor}\n"
    ".o0{color:hsl(205 var(--owner-s) 40%)}"
    ".o1{color:hsl(165 var(--owner-s) 32%)}"
    ".o2{color:hsl(258 var(--owner-s) 48%)}"
    ".o3{color:hsl(40 var(--owner-s) 36%)}"
    ".o4{color:hsl(300 var(--owner-s) 42%)}"
    ".o5{color:hsl(95 var(--owner-s) 33%)}"
    ".o6{color:hsl(230 var(--owner-s) 52%)}"
    ".o7{color:hsl(20 var(--owner-s) 38%)}"
    ".o8{color:hsl(185 var(--owner-s) 40%)}"
    ".o9{color:hsl(280 var(--owner-s) 36%)}"
    ".o10{color:hsl(120 var(--owner-s) 30%)}"
    ".o11{color:hsl(60 var(--owner-s) 32%)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:13px;color:var(--dim);"
    "margin:10px 0 2px}.key i{display:inline-block;width:12px;height:12px;"
    "border-radius:3px;margin-right:6px;vertical-align:-1px}"
    ".key i.owner{background:linear-gradient(90deg,hsl(210 48% 42%) 50%,"
    "hsl(160 48% 34%) 50%)}\n"
    ".columns{display:grid;grid-template-columns:minmax(0,1fr) 330px;gap:26px;"
    "align-items:start}@media (max-width:940px){.columns{grid-template-columns:1fr}}\n"
    ".rule{border-left:4px solid var(--tone)}.rule.critical{--tone:var(--critical)}"
    ".rule.error{--tone:var(--error)}.rule.warning{--tone:var(--warning)}"
    ".rule.info{--tone:var(--info)}\n"
    ".rule h3{display:flex;flex-wrap:wrap;align-items:baseline;gap:4px 10px}"
    ".rule h3 code{color:var(--tone);font-size:15px}"
    ".rule h3 span{color:var(--dim);font-weight:400;margin-left:auto;font-size:13px}\n"
    ".why{margin:4px 0 0;color:var(--dim);font-size:14px}\n"
    ".finding{border-top:1px solid var(--line);margin-top:12px;padding-top:12px;"
    "scroll-margin-top:12px}.finding:target{background:var(--soft);"
    "box-shadow:0 0 0 8px var(--soft);border-radius:4px}\n"
    ".finding p{margin:4px "
    "0;overflow-wrap:anywhere}.place{font-size:13px;color:var(--dim)}"
    ".finding .mend{padding-left:22px;position:relative}"
    ".mend::before{content:'\\2192';position:absolute;left:0;color:var(--ok);"
    "font-weight:700}\n"
    "code,pre{font:13px/1.5 ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',"
    "monospace}pre{background:var(--code);border:1px solid var(--line);border-radius:6px;"
    "margin:6px 0 4px 22px;padding:7px "
    "12px;white-space:pre-wrap;overflow-wrap:anywhere}\n"
    "details>summary{cursor:pointer;color:var(--dim);margin-top:12px;font-size:14px}\n"
    ".new-mark{background:var(--info-bg);color:var(--info);border-radius:4px;"
    "padding:0 6px;font-size:12px;margin-left:8px}\n"
    "aside h2{margin-top:34px}aside dl{display:grid;grid-template-columns:1fr auto;"
    "gap:4px 14px;margin:0}aside dt{color:var(--dim)}aside dd{margin:0;text-align:right;"
    "font-variant-numeric:tabular-nums}\n"
    ".meter{height:8px;border-radius:4px;background:var(--soft);overflow:hidden;"
    "margin:6px 0}.meter i{display:block;height:100%;background:var(--info)}\n"
    "aside p{margin:4px 0;font-size:14px;overflow-wrap:anywhere}"
    "aside p+h4{margin-top:14px}.dim{color:var(--dim)}\n"
    ".well{background:var(--ok-bg);color:var(--ok);border-color:transparent;"
    "font-size:16px}\n"
    ".g{margin-left:.18em}\n"
    ".zooms{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),"
    "1fr));gap:10px 20px;margin:6px 0 4px}.zoom{min-width:0}.zoom "
    "p{margin:0;font-size:13px;overflow-wrap:anywhere}.zoom a{color:var(--shared)}"
    ".picture .zoom svg{min-width:0;margin:2px 0 0}svg .zoomed{fill:var(--hatch);"
    "opacity:.35}.zoom svg .shared{opacity:.55}svg .who{fill:var(--ink)}\n"
    ".owners{overflow-x:auto}.owners input{margin:0 4px 0 0;vertical-align:-1px}"
    ".owners label{margin-right:14px;cursor:pointer}.owners table{display:block;"
    "margin-top:10px;max-height:420px;overflow-y:auto}.owners thead{display:block;"
    "position:sticky;top:0;background:var(--card)}.owners tbody{display:flex;"
    "flex-direction:column}.owners tr{display:grid;grid-template-columns:minmax(0,2fr)"
    " minmax(0,1.3fr) minmax(0,1.3fr) minmax(0,1.3fr) minmax(0,1fr);gap:0 8px;"
    "border-bottom:1px solid var(--line);padding:3px 0}.owners td{overflow-wrap:anywhere;"
    "padding:0 4px;font-variant-numeric:tabular-nums}.owners td+td,.owners th+th{"
    "text-align:right}.owners th{text-align:left;padding:0 4px;color:var(--dim);"
    "font-weight:500}.owners table{font-size:13px}\n"
    "#by-name:checked~table .row:not(.p0),#by-found:checked~table .row:not(.p1),"
    "#by-ids:checked~table .row:not(.p2),#by-first:checked~table .row:not(.p3)"
    "{display:none}"
    "#by-name:checked~table .row{order:var(--o0)}#by-found:checked~table "
    ".row{order:var(--o1)}#by-ids:checked~table .row{order:var(--o2)}"
    "#by-first:checked~table .row{order:var(--o3)}\n"
    "footer{color:var(--dim);font-size:13px;padding-top:10px;padding-bottom:32px}\n"
    "@media "
    "print{:root{color-scheme:light}body,header{background:#fff}body{font-size:12px}"
    ".picture{overflow:visible}.picture svg{min-width:0}h2{break-after:avoid}"
    ".finding,.rule h3,.picture{break-inside:avoid}.rule h3,.why{break-after:avoid}"
    ".owners table{max-height:none}"
    "details::details-content{display:block;height:auto;content-visibility:visible}"
    "*{print-color-adjust:exact}}\n";

/* How many bytes of UTF-8 begin there; 0 if it is not UTF-8, changes the direction of
 * writing, or is a control. */
static size_t utf8_len(const unsigned char *c, size_t len)
{
	size_t n = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

	if (c[0] < 0xc2 || c[0] > 0xf4 || n > len)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	if (c[0] == 0xc2 && c[1] < 0xa0) /* C1 */
		return 0;
	if (c[0] == 0xe0 && c[1] < 0xa0) /* longer than need be */
		return 0;
	if (c[0] == 0xed && c[1] >= 0xa0) /* a surrogate */
		return 0;
	if ((c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] >= 0x90))
		return 0;
	if (c[0] == 0xe2 && (c[1] == 0x80 || c[1] == 0x81)) /* U+2000 to U+207F */
		return 0;
	return n;
}

static bool is_escaped(char c, FILE *out)
{
	const char *entity = c == '<'	 ? "&lt;"
			     : c == '>'	 ? "&gt;"
			     : c == '&'	 ? "&amp;"
			     : c == '"'	 ? "&quot;"
			     : c == '\'' ? "&#39;"
					 : NULL;

	if (entity != NULL)
		(void)fputs(entity, out);
	return entity != NULL;
}

void html_text(FILE *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		size_t n =
		    c < 0x80 ? 1 : utf8_len((const unsigned char *)text + i, len - i);

		if (is_escaped(text[i], out))
			continue;
		if (n == 0 || (c < ' ' && c != '\n') || c == 127) {
			(void)fputc('?', out);
			continue;
		}
		(void)fwrite(text + i, 1, n, out);
		i += n - 1;
	}
}

void html_number(FILE *out, uint64_t n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)n);

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0 && len > 4)
			(void)fputs("&#8239;", out);
		(void)fputc(digits[i], out);
	}
}

void html_range(FILE *out, uint64_t first, uint64_t end)
{
	html_number(out, first);
	if (end - first == 1)
		return;
	(void)fputc('-', out);
	html_number(out, end - 1);
}

/* A digit there would be part of a word or a path. */
static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '/' || c == '.' || c == '@' ||
	       (unsigned char)c >= 0x80;
}

/* By their looks alone: a name of digits must stay what it is when it is copied. */
static void print_digits(FILE *out, const char *digits, size_t len)
{
	size_t head = len % 3 == 0 ? 3 : len % 3;

	(void)fwrite(digits, 1, head, out);
	for (size_t i = head; i < len; i += 3)
		(void)fprintf(out, "<span class=\"g\">%.3s</span>", digits + i);
}

void html_sentence(FILE *out, const char *text)
{
	size_t done = 0, i = 0;

	while (text[i] != '\0') {
		size_t len = strspn(text + i, "0123456789");

		if (len >= 5 && (i == 0 || !is_word(text[i - 1])) &&
		    !(is_word(text[i + len]) && text[i + len] != '.')) {
			html_text(out, text + done, i - done);
			print_digits(out, text + i, len);
			done = i + len;
		}
		i += len == 0 ? 1 : len;
	}
	html_text(out, text + done, i - done);
}
