#include "audit_private.h"
int audit_find_every_id(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_ambiguous_number(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_extra_field(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_beyond_last_id(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_empty_range(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_stray_blank(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_long_line(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_malformed(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_comment(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_no_final_newline(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_duplicate_line(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_owner_name_is_number(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_own_id_inside(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_owner_starts_with_digit(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_unknown_owner(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_two_spellings(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_group_as_owner(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_weak_owner(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_includes_root(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_overlap_owners(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_overlap_account(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_overlap_reserved(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_overlap_held(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_one_sided(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_unequal(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_outside_window(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_self_overlap(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_small(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_mergeable(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_fragmented(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_window_filling(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
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
int audit_find_live_unauthorised(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_root(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_shared(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_account(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_setgroups(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_stale(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_orphan(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_find_live_unread(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
int audit_make_views(struct subid_audit *audit)
{
	(void)audit;
	return 0;
}
void audit_free_views(struct subid_audit *audit)
{
	(void)audit;
}
