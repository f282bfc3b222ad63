/* SPDX-License-Identifier: MIT */
/*
 * The lines of subid.conf(5) about the site's directory: where it is, and what it gives.
 */
#include <errno.h>
#include <string.h>

#include "libsubid/core/core.h"
#include "libsubid/policy/private.h"

/* Any word, in quotes or not. */
static int take_text(struct conf_line *line, const char *missing, const char **ret)
{
	if (line->at == line->n || line->words[line->at].text[0] == '\0')
		return conf_wrong(line, conf_last_word(line), missing);
	*ret = line->words[line->at++].text;
	return 0;
}

static int take_end(struct conf_line *line)
{
	if (line->at == line->n)
		return 0;
	return conf_wrong(line, line->words[line->at].text, "is not expected here");
}

/* A statement that says one text, once. */
static int read_text(struct conf_line *line, const char *missing, const char **ret)
{
	if (*ret != NULL)
		return conf_wrong(line, conf_last_word(line), "is said twice");
	return take_text(line, missing, ret) == 0 ? take_end(line) : SUBID_INVALID;
}

static int take_path(struct conf_line *line, const char **ret)
{
	int r = take_text(line, "needs a file", ret);

	if (r == 0 && (*ret)[0] != '/')
		return conf_wrong(line, *ret, "is not an absolute path");
	return r;
}

static int take_seconds(struct conf_line *line, uint32_t *ret)
{
	const char *word = conf_peek(line);

	if (word == NULL || subid_id_parse(word, strlen(word), ret) != 0 || *ret == 0 ||
	    *ret > SUBID_CONF_TIMEOUT_MAX_S)
		return conf_wrong(line, word == NULL ? conf_last_word(line) : word,
				  "is not a number of seconds from 1 to 600");
	line->at++;
	return 0;
}

/*
 * Threat: what comes over the network in the clear can be read and changed on its way:
 * only a socket, this host itself, or TLS.
 */
static int check_uri(const struct conf_line *line, const char *uri)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1", "[::1]" };
	const char *host = uri + strlen("ldap://");

	if (strncmp(uri, "ldapi://", strlen("ldapi://")) == 0)
		return 0;
	if (strncmp(uri, "ldaps://", strlen("ldaps://")) == 0)
		return uri[strlen("ldaps://")] == '\0'
			   ? conf_wrong(line, uri, "names no host")
			   : 0;
	if (strncmp(uri, "ldap://", strlen("ldap://")) != 0)
		return conf_wrong(line, uri, "is not an ldaps:// or ldapi:// address");
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		size_t len = strlen(hosts[i]);

		if (strncmp(host, hosts[i], len) == 0 && strchr(":/", host[len]) != NULL)
			return 0;
	}
	return conf_wrong(line, uri, "is not encrypted: write ldaps://");
}

int conf_read_directory(struct conf_line *line)
{
	struct subid_conf_directory *directory = &line->conf->directory;
	int r = 0;

	if (directory->n_uris > 0)
		return conf_wrong(line, "directory", "is said twice");
	directory->file = line->file;
	directory->line = line->number;
	do {
		if (directory->n_uris == SUBID_CONF_URIS_MAX)
			return conf_wrong(line, "the line",
					  "names more than 8 addresses");
		r = take_text(line, "needs an address, ldaps://HOST",
			      &directory->uris[directory->n_uris]);
		if (r == 0)
			r = check_uri(line, directory->uris[directory->n_uris++]);
	} while (r == 0 && line->at < line->n);
	return r;
}

int conf_read_base(struct conf_line *line)
{
	return read_text(line, "needs the DN below which the directory has the ranges",
			 &line->conf->directory.base);
}

int conf_read_users(struct conf_line *line)
{
	return read_text(line, "needs the DN below which the directory has accounts",
			 &line->conf->directory.users);
}

int conf_read_tls_ca(struct conf_line *line)
{
	if (line->conf->directory.tls_ca != NULL)
		return conf_wrong(line, "tls-ca", "is said twice");
	return take_path(line, &line->conf->directory.tls_ca) == 0 ? take_end(line)
								   : SUBID_INVALID;
}

int conf_read_timeout(struct conf_line *line)
{
	if (line->conf->directory.timeout_s != 0)
		return conf_wrong(line, "timeout", "is said twice");
	return take_seconds(line, &line->conf->directory.timeout_s) == 0 ? take_end(line)
									 : SUBID_INVALID;
}

int conf_read_bind(struct conf_line *line)
{
	struct subid_conf_directory *directory = &line->conf->directory;
	int r = 0;

	if (directory->bind != SUBID_BIND_ANONYMOUS)
		return conf_wrong(line, "bind", "is said twice");
	if (conf_take_keyword(line, "external")) {
		directory->bind = SUBID_BIND_EXTERNAL;
		return take_end(line);
	}
	if (conf_take_keyword(line, "gssapi")) {
		directory->bind = SUBID_BIND_GSSAPI;
		if (!conf_take_keyword(line, "keytab")) {
			r = take_text(line, "needs 'keytab FILE'", &directory->bind_name);
			if (r == 0 && !conf_take_keyword(line, "keytab"))
				r = conf_wrong(line, conf_last_word(line),
					       "needs 'keytab FILE'");
		}
	} else if (conf_take_keyword(line, "simple")) {
		directory->bind = SUBID_BIND_SIMPLE;
		r = take_text(line, "needs a DN", &directory->bind_name);
		if (r == 0 && !conf_take_keyword(line, "password"))
			r = conf_wrong(line, conf_last_word(line),
				       "needs 'password FILE'");
	} else {
		return conf_wrong(line, conf_last_word(line),
				  "needs 'external', 'gssapi keytab FILE' or"
				  " 'simple DN password FILE'");
	}
	if (r == 0)
		r = take_path(line, &directory->bind_file);
	return r == 0 ? take_end(line) : r;
}

static bool is_pool_name(const char *name)
{
	static const char letters[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	return name[0] != '\0' && name[strspn(name, letters)] == '\0' &&
	       strlen(name) <= 64;
}

/* Blocks of two pools must not meet: their names alone keep them apart. */
static int check_pool(const struct conf_line *line, const struct subid_conf_pool *pool)
{
	const struct subid_conf *conf = line->conf;

	if (!is_pool_name(pool->name))
		return conf_wrong(
		    line, pool->name,
		    "is not a valid pool name (letters, digits, '-' and '_')");
	if (pool->range.count % pool->block != 0)
		return conf_wrong(line, pool->name, "is not a number of whole blocks");
	for (size_t i = 0; i < conf->n_pools; i++) {
		if (strcmp(conf->pools[i].name, pool->name) == 0)
			return conf_wrong(line, pool->name,
					  "is the name of another pool");
		if (id_range_overlaps(conf->pools[i].range, pool->range))
			return conf_wrong(line, pool->name, "has ids of another pool");
	}
	return 0;
}

int conf_read_pool(struct conf_line *line)
{
	struct subid_conf_pool pool = {
		.block = SUBID_CONF_POOL_BLOCK,
		.file = line->file,
		.line = line->number,
	};
	int r = take_text(line, "needs a name and a range", &pool.name);

	if (r == 0)
		r = conf_take_range(line, &pool.range);
	if (r == 0 && conf_take_keyword(line, "block"))
		r = conf_take_count(line, &pool.block);
	if (r == 0 && conf_take_keyword(line, "master")) {
		r = take_text(line, "needs an address", &pool.master);
		if (r == 0)
			r = check_uri(line, pool.master);
	}
	if (r == 0)
		r = take_end(line);
	if (r == 0)
		r = check_pool(line, &pool);
	if (r != 0)
		return r;
	if (array_grow(&line->conf->pools, line->conf->n_pools,
		       sizeof(*line->conf->pools)) < 0)
		return -ENOMEM;
	line->conf->pools[line->conf->n_pools++] = pool;
	return 0;
}

int conf_read_login(struct conf_line *line)
{
	struct subid_conf_directory *directory = &line->conf->directory;

	if (directory->login)
		return conf_wrong(line, "login", "is said twice");
	if (!conf_take_keyword(line, "directory"))
		return conf_wrong(line, conf_last_word(line), "needs 'directory'");
	directory->login = true;
	directory->login_allocates = conf_take_keyword(line, "allocate");
	if (line->at < line->n && take_seconds(line, &directory->login_s) != 0)
		return SUBID_INVALID;
	return take_end(line);
}
