/* SPDX-License-Identifier: MIT */
#include "tools/subid-ldap/server.h"

#include <errno.h>
#include <ldap.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/subid-ldap/bind.h"
#include "tools/subid/cli.h"

/* The largest answer that is read, the most changes at once, the entries of a page. */
#define ANSWER_MAX	(4U << 20)
#define CHANGES_MAX	16
#define PAGE		500
#define EMPTY_PAGES_MAX 1000

/* RFC 4525, supportedFeatures. */
#define FEATURE_INCREMENT "1.3.6.1.1.14"

/* libldap's lists of attributes are not constant. */
static char **wanted(void)
{
	static char names[][16] = {
		"cn",	       "uid",	       "uidNumber",	 "subidOwner",
		"subidState",  "subidTicket",  "subidBlock",	 "subUidNumber",
		"subUidCount", "subGidNumber", "subGidCount",	 "subidNext",
		"subidFirst",  "subidLast",    "subidBlockSize",
	};
	static char *list[sizeof(names) / sizeof(names[0]) + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		list[i] = names[i];
	return list;
}

/* --- time ------------------------------------------------------------------------------
 */

static time_t seconds(const struct server *server)
{
	return server->conf->timeout_s > 0 ? (time_t)server->conf->timeout_s
					   : SUBID_CONF_TIMEOUT_S;
}

/*
 * Threat: libldap waits for a whole answer; a server that sends a byte now and then would
 * keep us for ever.
 */
static void give_up(int signal)
{
	static const char text[] = "subid: the directory does not answer in time\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_UNABLE);
}

/* Kerberos asks its servers one after the other, and each several times. */
static void give_up_by_kdc(int signal)
{
	static const char text[] =
	    "subid: the directory or the KDC does not answer in time\n";

	(void)signal;
	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
	_exit(EXIT_UNABLE);
}

static void watch(const struct server *server, bool begin)
{
	(void)signal(SIGALRM,
		     server->conf->bind == SUBID_BIND_GSSAPI ? give_up_by_kdc : give_up);
	(void)alarm(begin ? (unsigned int)seconds(server) + 2 : 0);
}

/* --- failures --------------------------------------------------------------------------
 */

static int fail(struct server *server, int rc, const char *what)
{
	char *said = NULL;

	if (server->ld != NULL)
		(void)ldap_get_option(server->ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &said);
	(void)snprintf(
	    server->error, sizeof(server->error), "%s: %s: %s%s%.300s%s", server->uri,
	    what, ldap_err2string(rc), said == NULL || *said == '\0' ? "" : " (",
	    said == NULL ? "" : said, said == NULL || *said == '\0' ? "" : ")");
	ldap_memfree(said);
	switch (rc) {
	case LDAP_SERVER_DOWN:
	case LDAP_CONNECT_ERROR:
	case LDAP_UNAVAILABLE:
		return -EHOSTDOWN;
	case LDAP_TIMEOUT:
	case LDAP_TIMELIMIT_EXCEEDED:
		return -ETIMEDOUT;
	case LDAP_INSUFFICIENT_ACCESS:
	case LDAP_STRONG_AUTH_REQUIRED:
		return -EACCES;
	case LDAP_NO_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* What a change came to.  Servers differ in how they refuse a second value. */
static int judge(struct server *server, int rc, const char *what)
{
	switch (rc) {
	case LDAP_SUCCESS:
		return 0;
	case LDAP_NO_SUCH_OBJECT:
		(void)fail(server, rc, what);
		return SERVER_ABSENT;
	case LDAP_ALREADY_EXISTS:
		return SERVER_EXISTS;
	case LDAP_NO_SUCH_ATTRIBUTE:
	case LDAP_TYPE_OR_VALUE_EXISTS:
	case LDAP_CONSTRAINT_VIOLATION:
	case LDAP_OBJECT_CLASS_VIOLATION:
	case LDAP_ASSERTION_FAILED:
		(void)fail(server, rc, what);
		return SERVER_LOST;
	default:
		return fail(server, rc, what);
	}
}

/* --- connection ------------------------------------------------------------------------
 */

/* A read or write that is not whole in time is none; libldap leaves sockets blocking. */
static int on_connect(LDAP *ld, Sockbuf *sb, LDAPURLDesc *srv, struct sockaddr *addr,
		      struct ldap_conncb *ctx)
{
	const struct server *server = ctx->lc_arg;
	const struct timeval patience = { .tv_sec = seconds(server) };
	ber_socket_t fd = -1;

	(void)ld, (void)srv, (void)addr;
	if (ber_sockbuf_ctrl(sb, LBER_SB_OPT_GET_FD, &fd) == 1 && fd >= 0) {
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				 sizeof(patience));
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
				 sizeof(patience));
	}
	return 0;
}

static void on_disconnect(LDAP *ld, Sockbuf *sb, struct ldap_conncb *ctx)
{
	(void)ld, (void)sb, (void)ctx;
}

/* The certificates that a server's own must come from. */
static const char *certificates(const struct server *server)
{
	static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt",
					     "/etc/pki/tls/certs/ca-bundle.crt",
					     "/etc/ssl/ca-bundle.pem" };

	if (server->conf->tls_ca != NULL)
		return server->conf->tls_ca;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (access(files[i], R_OK) == 0)
			return files[i];
	return files[0];
}

static bool set_options(struct server *server, struct ldap_conncb *callback)
{
	const struct timeval patience = { .tv_sec = seconds(server) };
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, zero = 0;
	ber_len_t most = ANSWER_MAX;
	Sockbuf *sb = NULL;
	LDAP *ld = server->ld;

	return ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &patience) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_TIMEOUT, &patience) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_CONNECT_CB, callback) == 0 &&
	       /* Threat: who answers for an address in DNS would choose the name */
	       ldap_set_option(ld, LDAP_OPT_X_SASL_NOCANON, LDAP_OPT_ON) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, certificates(server)) ==
		   0 &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) == 0 &&
	       ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &zero) == 0 &&
	       ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) == 0 && sb != NULL &&
	       ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &most) == 1;
}

static bool has_value(struct server *server, LDAPMessage *entry, const char *attribute,
		      const char *value)
{
	struct berval **values = ldap_get_values_len(server->ld, entry, attribute);
	bool found = false;

	for (size_t i = 0; values != NULL && values[i] != NULL; i++)
		found |= values[i]->bv_len == strlen(value) &&
			 memcmp(values[i]->bv_val, value, values[i]->bv_len) == 0;
	ldap_value_free_len(values);
	return found;
}

/* What the server says that it can do. */
static int read_abilities(struct server *server)
{
	static char controls[] = "supportedControl", features[] = "supportedFeatures";
	char *attributes[] = { controls, features, NULL };
	struct timeval patience = { .tv_sec = seconds(server) };
	LDAPMessage *answer = NULL, *entry;
	int rc = ldap_search_ext_s(server->ld, "", LDAP_SCOPE_BASE, "(objectClass=*)",
				   attributes, 0, NULL, NULL, &patience, 0, &answer);

	entry = rc == LDAP_SUCCESS ? ldap_first_entry(server->ld, answer) : NULL;
	if (entry != NULL)
		server->increments =
		    has_value(server, entry, features, FEATURE_INCREMENT) &&
		    has_value(server, entry, controls, LDAP_CONTROL_PRE_READ) &&
		    has_value(server, entry, controls, LDAP_CONTROL_ASSERT);
	(void)ldap_msgfree(answer);
	return rc == LDAP_SUCCESS ? 0 : fail(server, rc, "what it can do");
}

static int log_in(struct server *server)
{
	const char *why, *file = server->conf->bind_file;
	char what[256];
	int rc, r = bind_server(server, &rc, &why);

	if (r == 0)
		return 0;
	(void)snprintf(what, sizeof(what), "bind%s%s", file == NULL ? "" : " by ",
		       file == NULL ? "" : file);
	if (rc != LDAP_SUCCESS)
		return fail(server, rc, what);
	(void)snprintf(server->error, sizeof(server->error), "%s: %s", file,
		       why == NULL ? strerror(-r) : why);
	return r;
}

int server_open(struct server *server)
{
	static struct ldap_conncb callback = { .lc_add = on_connect,
					       .lc_del = on_disconnect };
	int rc, r;

	callback.lc_arg = server;
	rc = ldap_initialize(&server->ld, server->uri);
	if (rc != LDAP_SUCCESS)
		return fail(server, rc, "connect");
	if (!set_options(server, &callback))
		return fail(server, LDAP_LOCAL_ERROR, "options of libldap");
	watch(server, true);
	r = log_in(server);
	if (r == 0)
		r = read_abilities(server);
	watch(server, false);
	/* the list of what is to be called is the connection's, its member is ours */
	return r;
}

void server_close(struct server *server)
{
	if (server->ld != NULL)
		(void)ldap_unbind_ext(server->ld, NULL, NULL);
	server->ld = NULL;
}

/* --- changes ---------------------------------------------------------------------------
 */

/* libldap's form of changes. */
struct form {
	LDAPMod mods[CHANGES_MAX];
	LDAPMod *list[CHANGES_MAX + 1];
	char *values[CHANGES_MAX][2];
	char text[CHANGES_MAX][2][DIR_DN_SIZE];
};

static bool fill_form(const struct server_change *changes, size_t n, bool add,
		      struct form *form)
{
	static const int verbs[] = { LDAP_MOD_ADD, LDAP_MOD_DELETE, LDAP_MOD_REPLACE };

	if (n > CHANGES_MAX)
		return false;
	for (size_t i = 0; i < n; i++) {
		char *value = form->text[i][1];

		/* libldap's are not constant */
		if ((size_t)snprintf(form->text[i][0], DIR_DN_SIZE, "%s",
				     changes[i].attribute) >= DIR_DN_SIZE ||
		    (size_t)snprintf(value, DIR_DN_SIZE, "%s",
				     changes[i].value == NULL ? "" : changes[i].value) >=
			DIR_DN_SIZE)
			return false;
		form->values[i][0] = changes[i].value == NULL ? NULL : value;
		form->values[i][1] = NULL;
		form->mods[i] = (LDAPMod){
			.mod_op = add ? LDAP_MOD_ADD : verbs[changes[i].verb],
			.mod_type = form->text[i][0],
			.mod_values = changes[i].value == NULL ? NULL : form->values[i],
		};
		form->list[i] = &form->mods[i];
	}
	form->list[n] = NULL;
	return true;
}

int server_add(struct server *server, const char *dn, const struct server_change *changes,
	       size_t n)
{
	struct form form = { .list = { NULL } };
	int rc, r;

	if (!fill_form(changes, n, true, &form))
		return fail(server, LDAP_PARAM_ERROR, dn);
	watch(server, true);
	rc = ldap_add_ext_s(server->ld, dn, form.list, NULL, NULL);
	watch(server, false);
	r = judge(server, rc, dn);
	if (r == SERVER_ABSENT)
		return -ENOENT;
	return r == SERVER_LOST ? -EIO : r;
}

int server_modify(struct server *server, const char *dn,
		  const struct server_change *changes, size_t n)
{
	struct form form = { .list = { NULL } };
	int rc;

	if (!fill_form(changes, n, false, &form))
		return fail(server, LDAP_PARAM_ERROR, dn);
	watch(server, true);
	rc = ldap_modify_ext_s(server->ld, dn, form.list, NULL, NULL);
	watch(server, false);
	return judge(server, rc, dn);
}

/* The value of the one attribute that a pre-read has, as RFC 4527 says. */
static bool parse_pre_read(LDAPControl **controls, uint32_t *ret)
{
	const LDAPControl *control =
	    ldap_control_find(LDAP_CONTROL_PRE_READ, controls, NULL);
	struct berval bytes, name;
	BerVarray values = NULL;
	BerElement *ber;
	bool found = false;

	if (control == NULL)
		return false;
	bytes = control->ldctl_value;
	ber = ber_init(&bytes);
	if (ber == NULL)
		return false;
	if (ber_scanf(ber, "{m{" /*}}*/, &name) != LBER_ERROR &&
	    ber_scanf(ber, "{m[W]" /*}*/, &name, &values) != LBER_ERROR &&
	    values != NULL && values[0].bv_val != NULL)
		found = subid_id_parse(values[0].bv_val, values[0].bv_len, ret) == 0;
	ber_bvarray_free(values);
	ber_free(ber, 1);
	return found;
}

/* Waits for the answer to a change, and takes what it says besides. */
static int finish_increment(struct server *server, int id, const char *dn, uint32_t *ret)
{
	struct timeval patience = { .tv_sec = seconds(server) };
	LDAPControl **controls = NULL;
	LDAPMessage *answer = NULL;
	int rc, code = LDAP_SUCCESS, r;

	rc = ldap_result(server->ld, id, LDAP_MSG_ALL, &patience, &answer);
	if (rc <= 0)
		return fail(server, rc == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN, dn);
	rc = ldap_parse_result(server->ld, answer, &code, NULL, NULL, NULL, &controls, 1);
	r = judge(server, rc == LDAP_SUCCESS ? code : rc, dn);
	if (r == 0 && !parse_pre_read(controls, ret))
		r = fail(server, LDAP_DECODING_ERROR, dn);
	ldap_controls_free(controls);
	return r;
}

/* The value of a pre-read control; the caller frees it. */
static bool make_pre_read(const char *attribute, struct berval *ret)
{
	BerElement *ber = ber_alloc_t(LBER_USE_DER);
	bool done = ber != NULL && ber_printf(ber, "{s}", attribute) >= 0 &&
		    ber_flatten2(ber, ret, 1) == 0;

	ber_free(ber, 1);
	return done;
}

int server_increment(struct server *server, const char *dn, const char *attribute,
		     uint32_t by, uint32_t most, uint32_t *ret)
{
	static char pre_read[] = LDAP_CONTROL_PRE_READ, assertion[] = LDAP_CONTROL_ASSERT;
	LDAPControl before = { .ldctl_oid = pre_read, .ldctl_iscritical = 1 };
	LDAPControl only_if = { .ldctl_oid = assertion, .ldctl_iscritical = 1 };
	LDAPControl *controls[] = { &before, &only_if, NULL };
	char name[64], value[16], condition[96];
	char *values[] = { value, NULL };
	LDAPMod mod = { .mod_op = LDAP_MOD_INCREMENT,
			.mod_type = name,
			.mod_values = values };
	LDAPMod *mods[] = { &mod, NULL };
	int id = -1, rc = LDAP_NO_MEMORY;

	(void)snprintf(name, sizeof(name), "%s", attribute);
	(void)snprintf(value, sizeof(value), "%u", by);
	(void)snprintf(condition, sizeof(condition), "(%s<=%u)", attribute, most);
	if (make_pre_read(attribute, &before.ldctl_value))
		rc = ldap_create_assertion_control_value(server->ld, condition,
							 &only_if.ldctl_value);
	watch(server, true);
	if (rc == LDAP_SUCCESS)
		rc = ldap_modify_ext(server->ld, dn, mods, controls, NULL, &id);
	rc = rc == LDAP_SUCCESS ? finish_increment(server, id, dn, ret)
				: fail(server, rc, dn);
	watch(server, false);
	ber_memfree(before.ldctl_value.bv_val);
	ber_memfree(only_if.ldctl_value.bv_val);
	return rc;
}

/* --- reading ---------------------------------------------------------------------------
 */

static void take_attribute(struct server *server, LDAPMessage *message, const char *name,
			   struct dir_entry *ret)
{
	struct berval **values = ldap_get_values_len(server->ld, message, name);

	for (size_t i = 0; values != NULL && values[i] != NULL; i++)
		dir_entry_take(ret, name, values[i]->bv_val, values[i]->bv_len);
	ldap_value_free_len(values);
}

static void take_entry(struct server *server, LDAPMessage *message, struct dir_entry *ret)
{
	char *dn = ldap_get_dn(server->ld, message);
	BerElement *position = NULL;

	*ret = (struct dir_entry){ .uid = 0 };
	if (dn == NULL || strlen(dn) >= sizeof(ret->dn))
		ret->broken = "its DN is too long";
	else
		(void)strcpy(ret->dn, dn);
	ldap_memfree(dn);
	for (char *name = ldap_first_attribute(server->ld, message, &position);
	     name != NULL; name = ldap_next_attribute(server->ld, message, position)) {
		take_attribute(server, message, name, ret);
		ldap_memfree(name);
	}
	ber_free(position, 0);
}

int server_read(struct server *server, const char *dn, struct dir_entry *ret)
{
	struct timeval patience = { .tv_sec = seconds(server) };
	LDAPMessage *answer = NULL, *message;
	int rc;

	watch(server, true);
	rc = ldap_search_ext_s(server->ld, dn, LDAP_SCOPE_BASE, "(objectClass=*)",
			       wanted(), 0, NULL, NULL, &patience, 0, &answer);
	watch(server, false);
	message = rc == LDAP_SUCCESS ? ldap_first_entry(server->ld, answer) : NULL;
	if (message != NULL)
		take_entry(server, message, ret);
	(void)ldap_msgfree(answer);
	if (message != NULL)
		return 0;
	return rc == LDAP_SUCCESS || rc == LDAP_NO_SUCH_OBJECT ? SERVER_ABSENT
							       : fail(server, rc, dn);
}

/* A search on its way. */
struct finding {
	struct server *server;
	const char *base, *filter;
	int limit;
	server_each *each;
	void *data;
	struct berval cookie;
	size_t empty; /* pages without an entry, one after the other */
};

/* The end of a page: the cookie of the next one. */
static int end_page(struct finding *finding, LDAPMessage *message)
{
	struct server *server = finding->server;
	LDAPControl **controls = NULL, *control;
	int code = LDAP_SUCCESS, r = 0;
	ber_int_t estimate;
	int rc =
	    ldap_parse_result(server->ld, message, &code, NULL, NULL, NULL, &controls, 0);

	ber_memfree(finding->cookie.bv_val);
	finding->cookie = (struct berval){ 0, NULL };
	if (rc == LDAP_SUCCESS)
		rc = code;
	if (rc == LDAP_NO_SUCH_OBJECT)
		r = SERVER_ABSENT;
	else if (rc != LDAP_SUCCESS &&
		 !(rc == LDAP_SIZELIMIT_EXCEEDED && finding->limit > 0))
		r = fail(server, rc, finding->base);
	control = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL);
	if (r == 0 && control != NULL &&
	    ldap_parse_pageresponse_control(server->ld, control, &estimate,
					    &finding->cookie) != LDAP_SUCCESS)
		r = fail(server, LDAP_DECODING_ERROR, finding->base);
	ldap_controls_free(controls);
	return r;
}

/* One page.  Entries are handed on as they come, so that memory is that of one. */
static int read_page(struct finding *finding, int id)
{
	struct server *server = finding->server;
	struct timeval patience = { .tv_sec = seconds(server) };
	int r = 0;

	for (;;) {
		LDAPMessage *message = NULL;
		struct dir_entry entry;
		int type;

		watch(server, true);
		type = ldap_result(server->ld, id, LDAP_MSG_ONE, &patience, &message);
		watch(server, false);
		if (type <= 0)
			return fail(server, type == 0 ? LDAP_TIMEOUT : LDAP_SERVER_DOWN,
				    finding->base);
		if (type == LDAP_RES_SEARCH_RESULT) {
			int end = end_page(finding, message);

			(void)ldap_msgfree(message);
			return r != 0 ? r : end;
		}
		if (r == 0 && type == LDAP_RES_SEARCH_ENTRY) {
			take_entry(server, message, &entry);
			r = finding->each(finding->data, &entry);
			finding->empty = 0;
		}
		(void)ldap_msgfree(message);
		if (r != 0) {
			(void)ldap_abandon_ext(server->ld, id, NULL, NULL);
			return r;
		}
	}
}

int server_search(struct server *server, const char *base, const char *filter, int limit,
		  server_each *each, void *data)
{
	struct finding finding = {
		server, base, filter, limit, each, data, { 0, NULL }, 0
	};
	int r = 0;

	do {
		LDAPControl *page = NULL;
		LDAPControl *controls[] = { NULL, NULL };
		int id = -1, rc = LDAP_SUCCESS;

		if (limit == 0)
			rc = ldap_create_page_control(server->ld, PAGE, &finding.cookie,
						      1, &page);
		controls[0] = page;
		if (rc == LDAP_SUCCESS)
			rc = ldap_search_ext(server->ld, base, LDAP_SCOPE_SUBTREE, filter,
					     wanted(), 0, controls, NULL, NULL, limit,
					     &id);
		r = rc == LDAP_SUCCESS ? read_page(&finding, id) : fail(server, rc, base);
		ldap_control_free(page);
		/* Threat: pages without end, and with nothing on them */
		if (r == 0 && ++finding.empty > EMPTY_PAGES_MAX)
			r = fail(server, LDAP_DECODING_ERROR, base);
	} while (r == 0 && finding.cookie.bv_len > 0);
	ber_memfree(finding.cookie.bv_val);
	return r;
}
