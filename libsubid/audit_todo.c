#include "audit_private.h"
int audit_find_unsafe_wrap(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_window_invalid(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_window_meets_accounts(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_table_writable(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_table_symlink(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_stale_lock(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_backup_readable(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_missing(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_unprivileged(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_double(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_writable(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_nosuid(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_helper_shadowed(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_source_open(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_source_second_word(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_source_and_files(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_no_audit_watch(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
