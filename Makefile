# SPDX-License-Identifier: MIT
# One makefile, wildcards throughout: a new file needs no edit here.
# `make help` lists the targets.

VERSION = 0.2.0
# Of the shared library; the first number changes when the ABI breaks.
SOVERSION = 1

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
DOCDIR ?= $(DATADIR)/doc/subid
# Root's leases of ranges to containers.
STATEDIR ?= /var/lib/subid
# Where the vendor's subid.conf is read from, whatever PREFIX: it is the distribution's.
VENDORDIR ?= /usr/share/subid
PKGCONFIGDIR ?= $(LIBDIR)/pkgconfig
# Our libsubid.so.4 and its like, which nothing finds there before subid-compat enable.
COMPATDIR ?= $(LIBDIR)/subid-compat
BASHCOMPDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHCOMPDIR ?= $(PREFIX)/share/zsh/site-functions
FISHCOMPDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# Where systemd looks beneath /usr/local, too.
UNITDIR ?= $(PREFIX)/lib/systemd/system
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
# What make install has put where: make uninstall removes just that.
MANIFEST ?= $(DATADIR)/subid/installed
# pam_subid.so: where the system's PAM looks, if PREFIX is the system's; else service
# files name it by its path.
PAMDIR ?= $(if $(filter /usr,$(PREFIX)),$(system_pamdir),$(LIBDIR)/security)
# libnss_subid.so.2: where glibc looks, which nsswitch.conf cannot name.
NSSDIR ?= $(if $(filter /usr,$(PREFIX)),$(system_libdir),$(LIBDIR))
# How newuidmap and newgidmap get their privilege: setuid, caps, or none (a package's own
# scripts give it).
HELPER_PRIVILEGE ?= setuid

BUILD ?= build
ifeq ($(abspath $(BUILD)),$(CURDIR))
$(error BUILD is a folder of its own, not that of the sources)
endif
# The shadow that is installed here, whose way is followed where its releases differ: from
# 4.16 on a module of "subid:" must have shadow_subid_free(), from 4.20 on getsubids of a
# uid lists the lines of its name, too.  Where no package database says it, it is that of
# the last build, so that nothing is built anew; not known: 4.13.
was = $(shell sed -n 's/.* -DSUBID_$(1)=\([0-9]*\) .*/\1/p' '$(BUILD)/flags' 2>/dev/null)
ifndef SHADOW
SHADOW := $(or $(shell dpkg-query -W -f '$${source:Upstream-Version}' passwd 2>/dev/null),$(shell rpm -q --qf '%{VERSION}' shadow-utils 2>/dev/null | grep '^[0-9]'),$(addprefix 4.,$(call was,SHADOW)),4.13)
endif
shadow_minor := $(shell echo '$(SHADOW)' | sed -n 's/^4\.\([0-9]*\).*/\1/p')
# Does that shadow read login.defs by libeconf (login.defs.d, /usr/etc)?  Then we do, too.
ifndef ECONF
ECONF := $(if $(wildcard /usr/sbin/useradd),$(shell ldd /usr/sbin/useradd 2>/dev/null | grep -o -m 1 libeconf),$(filter 1,$(call was,ECONF)))
endif

CC = gcc
CFLAGS ?= -O2 -g
# The other tools are CC's: of its target, and for -flto those that know what it has
# written.  prefix: "aarch64-linux-gnu-" of "ccache aarch64-linux-gnu-gcc-12".
arch := $(shell $(CC) $(CFLAGS) -dumpmachine 2>/dev/null)
prefix := $(shell echo '$(notdir $(lastword $(filter-out -%,$(CC))))' | sed -n 's/-\(gcc\|clang\)\(-[0-9.]*\)\{0,1\}$$/-/p')
tool = $(or $(shell command -v $(prefix)$(1)),$(shell $(CC) -print-prog-name=$(1) 2>/dev/null),$(1))
lto_ar = $(if $(findstring -flto,$(CFLAGS)),$(if $(findstring clang,$(CC)),llvm-,gcc-))ar
AR = $(call tool,$(lto_ar))
OBJCOPY ?= $(call tool,objcopy)
PKG_CONFIG ?= $(or $(if $(prefix),$(shell command -v $(prefix)pkg-config)),pkg-config)
INSTALL ?= install
WERROR ?= $(if $(CI),-Werror)
V ?=
Q = $(if $(V),,@)
silent := $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V)$(silent),,@printf '  %-8s%s\n' '$(1)' '$(2)')

# What the compiler has been told, by us, by the distribution, or by itself.
told := $(shell echo | $(CC) $(CPPFLAGS) $(CFLAGS) -E -dM - 2>/dev/null | sed -n 's/^#define \(_FORTIFY_SOURCE\|__SIZEOF_LONG__\) /\1=/p')
HARDEN ?= -fstack-protector-strong -fstack-clash-protection \
	$(if $(findstring _FORTIFY_SOURCE,$(told)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
	$(if $(filter x86_64% i%86%,$(arch)),-fcf-protection)
HARDEN_LD ?= -Wl,-z,relro,-z,now,-z,noexecstack

warnings = -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wcast-qual -Wpointer-arith -Wwrite-strings -Wvla -Wformat=2 -Wundef $(if $(long32),-Wno-psabi) $(WERROR)
# Where a long has 32 bits, the inode numbers, sizes and times of a file do not fit into it.
long32 := $(findstring __SIZEOF_LONG__=4,$(told))
cpp = -D_GNU_SOURCE $(if $(long32),-D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64) -DSUBID_VERSION='"$(VERSION)"' -DSUBID_SYSCONFDIR='"$(SYSCONFDIR)"' -DSUBID_VENDORDIR='"$(VENDORDIR)"' \
	-DSUBID_STATEDIR='"$(STATEDIR)"' -DSUBID_SHADOW=$(shadow_minor) -DSUBID_ECONF=$(if $(ECONF),1,0) -I. $(CPPFLAGS)
# So that the same sources give the same bytes in any folder.  Not among the flags whose change rebuilds all.
here = -ffile-prefix-map=$(CURDIR)=.
compile = $(CC) -std=gnu17 -fPIC -fvisibility=default $(warnings) $(HARDEN) $(CFLAGS) $(cpp)
link = $(CC) $(HARDEN) $(CFLAGS) $(HARDEN_LD) -Wl,--as-needed $(LDFLAGS)

# A folder is a module.
lib_src := $(filter-out libsubid/shadow/%,$(wildcard libsubid/*/*.c))
lib_obj := $(lib_src:%.c=$(BUILD)/%.o)
# The only header that is installed: the whole public library.
lib_headers := $(BUILD)/subid.h
archive := $(BUILD)/libsubid-ng.a
static := $(BUILD)/static/libsubid-ng.a
soname := libsubid-ng.so.$(SOVERSION)
shared := $(BUILD)/libsubid-ng.so.$(VERSION)

# What the library links beside libc.  Only what leaves audit records needs it:
# --as-needed keeps it out of the helpers, whose objects do not.
lib_pkgs = audit $(if $(ECONF),libeconf)
lib_libs = $$($(PKG_CONFIG) --libs $(lib_pkgs))

# What each program is made of, and the libraries that it links beside the library's.
helpers = newuidmap newgidmap
programs = subid subid-ldap $(helpers) getsubids
subid_src := $(wildcard tools/subid/*.c tools/subid/*/*.c)
# All of it but main(), for unit tests.
subid_archive := $(BUILD)/subid.a
# The directory's program: it has its messages and rows from subid's archive.
ldap_src := $(wildcard tools/subid-ldap/*.c)
ldap_archive := $(BUILD)/subid-ldap.a
ldap_pkgs = ldap lber
newidmap_src := $(filter-out %/newuidmap.c %/newgidmap.c,$(wildcard tools/newidmap/*.c))
newuidmap_src = tools/newidmap/newuidmap.c $(newidmap_src)
newgidmap_src = tools/newidmap/newgidmap.c $(newidmap_src)
getsubids_src := $(wildcard tools/getsubids/*.c)
subid_pkgs = jansson
pam_src := $(wildcard pam/*.c)
pam_module := $(BUILD)/pam_subid.so
nss_src := $(wildcard nss/*.c)
nss_module := $(BUILD)/libnss_subid.so.2
# The program that the module runs.
pam_cpp = -DSUBID_HELPER='"$(BINDIR)/subid"'

# The program that subid runs for --directory.
subid_cpp = -DSUBID_LDAP='"$(BINDIR)/subid-ldap"'
tools_cpp = $(subid_cpp) $$($(PKG_CONFIG) --cflags $(subid_pkgs) $(ldap_pkgs))

# Shadow's library, in each of its versions, over our readers.
shadow_src := $(wildcard libsubid/shadow/*.c)
shadow_obj := $(shadow_src:%.c=$(BUILD)/%.o)
shadow_cpp = -DSUBID_PROGRAM='"$(BINDIR)/subid"'
compat := $(foreach version,4 5 6,$(BUILD)/compat/libsubid.so.$(version))

# What each folder may include of the library: one list, which make lint checks with
# tests/includes.sh.  A folder of the library uses those above it; the programs what they
# need beneath libsubid/change; all that decides or writes goes through subid.h.
define includes
libsubid/core: core subid.h
libsubid/trace: core
libsubid/maps: core
libsubid/lines: core maps
libsubid/tables: core maps lines
libsubid/ledger: core maps lines tables
libsubid/accounts: core maps lines tables
libsubid/names: core lines tables
libsubid/policy: core maps lines tables accounts
libsubid/live: core maps lines tables accounts policy
libsubid/runtimes: core maps lines tables accounts policy
libsubid/change: core trace maps lines tables ledger accounts policy live runtimes subid.h
libsubid/audit: core maps lines tables ledger accounts policy live runtimes change subid.h
libsubid/shadow: core lines tables accounts
libsubid: core maps
tools/newidmap: core maps lines tables accounts policy
tools/getsubids: core maps lines tables accounts policy
tools/subid/storage: core subid.h
tools/subid: core trace maps lines tables accounts policy live runtimes audit subid.h
tools/subid-ldap: core lines tables accounts policy subid.h tools/subid/cli.h tools/subid/rows.h tools/subid/grant_options.h tools/subid/report/html.h tools/subid/report/save.h
pam: core maps lines tables accounts policy subid.h
nss: core lines accounts names
examples: subid.h
endef
export INCLUDES := $(includes)

tools_src := $(subid_src) $(ldap_src) $(wildcard tools/newidmap/*.c) $(getsubids_src)
product_src := $(lib_src) $(shadow_src) $(pam_src) $(nss_src) $(tools_src)
all_src := $(product_src) $(wildcard tests/*/*.c tests/unit/*/*.c)
all_c := $(all_src) $(wildcard libsubid/*.h libsubid/*/*.h pam/*.h nss/*.h tools/*/*.h tools/*/*/*.h tests/*/*.h examples/*.c)
scripts := $(wildcard tests/*.sh tests/*/*.sh) tests/run tests/fuzz/run tests/fuzz/afl tests/proof/run share/installed.sh share/completions/subid.bash .ci/run
man_pages := $(wildcard man/*.[1-8])
# With the version in header and footer.
made_pages := $(man_pages:%=$(BUILD)/%)
# Programs that use the library.
example_src := $(wildcard examples/*.c examples/*/*.yml)
examples := $(patsubst examples/%.in,%,$(wildcard examples/*.in examples/*/*.in))
units := $(patsubst share/systemd/%.in,%,$(wildcard share/systemd/subid*.in))
docs := $(wildcard README.md SECURITY.md NEWS LICENSE)
data := $(wildcard share/*.json share/*.conf)
# What a directory is told; the two LDIF forms of the schema are made of its one source.
ldap_schemas := $(BUILD)/ldap/subid.ldif $(BUILD)/ldap/60subid.ldif
ldap_data := $(wildcard share/ldap/*.ldif share/ldap/*.schema) $(ldap_schemas)
unit_tests := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/*/test_*.c))
attack_programs := $(patsubst tests/attack/%.c,$(BUILD)/attack/%,$(wildcard tests/attack/*.c))
fuzzers := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all check check-more check-unit unit-tests faults powercut crowd differential directory releases mutate sanitize tsan fuzz fuzzers fuzz-msan msan_fuzzers afl afl_fuzzer bench bench-programs proof coverage counted tidy scan measure lint man-rules format install uninstall demo deps dist deb rpm help clean
.DELETE_ON_ERROR:

all: $(archive) $(static) $(shared) $(lib_headers) $(pam_module) $(nss_module) $(compat) $(BUILD)/subid-compat $(programs:%=$(BUILD)/%) $(BUILD)/libsubid-ng.pc $(BUILD)/pam-config $(examples:%=$(BUILD)/examples/%) $(units:%=$(BUILD)/systemd/%) $(BUILD)/systemd/tmpfiles.conf $(ldap_schemas) $(made_pages) ## build the library, the programs, the PAM module and the NSS module

# Everything is rebuilt when the compiler or a flag changes.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ','\'',$(compile) $(link) $(VERSION))' | cmp -s - $@ || \
		echo '$(subst ','\'',$(compile) $(link) $(VERSION))' > $@
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) $(here) $(if $(filter tools/subid/% tools/subid-ldap/%,$<),$(tools_cpp)) $(if $(filter pam/%,$<),$(pam_cpp)) $(if $(filter libsubid/shadow/%,$<),$(shadow_cpp)) -MMD -MP -c -o $@ $<

$(archive): $(lib_obj)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcsD $@ $^

$(subid_archive): $(filter-out %/subid.o,$(subid_src:%.c=$(BUILD)/%.o))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcsD $@ $^

$(ldap_archive): $(filter-out %/subid-ldap.o,$(ldap_src:%.c=$(BUILD)/%.o))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) qcsD $@ $^

# Of what -flto wrote, machine code is made first.
relocatable = $(if $(findstring -flto,$(CFLAGS)),$(if $(findstring clang,$(CC)),-fuse-ld=lld,-flinker-output=nolto-rel))

# What is installed shows what the shared library shows, and no name that a program which
# links it may have, too.
$(static): $(lib_obj) libsubid/libsubid-ng.map
	$(call say,AR,$@)
	@mkdir -p $(@D)
	$(Q)sed -n 's/^\t\(subid_.*\);$$/\1/p' libsubid/libsubid-ng.map > $(@D)/names
	$(Q)$(CC) $(CFLAGS) $(relocatable) -nostdlib -r -o $(@D)/libsubid-ng.o $(lib_obj)
	$(Q)$(OBJCOPY) --keep-global-symbols=$(@D)/names $(@D)/libsubid-ng.o
	$(Q)rm -f $@
	$(Q)$(AR) rcsD $@ $(@D)/libsubid-ng.o

$(shared): $(lib_obj) libsubid/libsubid-ng.map
	$(call say,LD,$@)
	$(Q)$(link) -shared -Wl,-soname,$(soname) -Wl,--version-script,libsubid/libsubid-ng.map -o $@ $(lib_obj) $(lib_libs)

# One is never there half: tests run it while others install it by another PREFIX.
define program
$(BUILD)/$(1): $$($(1)_src:%.c=$(BUILD)/%.o) $(archive)
	$$(call say,LD,$$@)
	$$(Q)$$(link) -pie -o $$@.new $$^ $$$$($(PKG_CONFIG) --libs $(lib_pkgs) $($(1)_pkgs))
	$$(Q)mv -f $$@.new $$@
endef
$(foreach p,$(filter-out subid-ldap,$(programs)),$(eval $(call program,$(p))))

$(BUILD)/subid-ldap: $(BUILD)/tools/subid-ldap/subid-ldap.o $(ldap_archive) $(subid_archive) $(archive)
	$(call say,LD,$@)
	$(Q)$(link) -pie -o $@.new $^ $$($(PKG_CONFIG) --libs $(lib_pkgs) $(subid_pkgs) $(ldap_pkgs))
	$(Q)mv -f $@.new $@

# What runs another program of ours, by its path, is alone built anew when that is another.
$(BUILD)/tools/subid/directory.o: $(BUILD)/pam/program
$(BUILD)/pam/program: FORCE
	@mkdir -p $(@D)
	@echo '$(BINDIR)' | cmp -s - $@ || echo '$(BINDIR)' > $@
$(pam_src:%.c=$(BUILD)/%.o) $(shadow_obj): $(BUILD)/pam/program

# Only shadow's names are seen from outside.
shadow_map = libsubid/shadow/libsubid-$(if $(filter %.4,$@),4,5).map
$(compat): $(shadow_obj) $(archive) libsubid/shadow/libsubid-4.map libsubid/shadow/libsubid-5.map
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(link) -shared -Wl,-z,defs -Wl,-soname,$(@F) -Wl,--version-script,$(shadow_map) -o $@ $(filter-out %.map,$^)

$(BUILD)/subid-compat: tools/subid-compat/subid-compat.in FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@COMPATDIR@|$(COMPATDIR)|' $< > $@

# Only pam_sm_* is seen from outside: the host may have a libsubid of its own.
$(pam_module): $(pam_src:%.c=$(BUILD)/%.o) $(archive) pam/pam_subid.map
	$(call say,LD,$@)
	$(Q)$(link) -shared -Wl,-z,defs -Wl,--version-script,pam/pam_subid.map -o $@ $(filter-out %.map,$^) -lpam $(if $(ECONF),$(lib_libs))

# Only what glibc looks up; and nothing that would ask it in turn.
$(nss_module): $(nss_src:%.c=$(BUILD)/%.o) $(archive) nss/libnss_subid.map
	$(call say,LD,$@)
	$(Q)$(link) -shared -Wl,-z,defs -Wl,-soname,$(@F) -Wl,--version-script,nss/libnss_subid.map -o $@ $(filter-out %.map,$^)

# A module that PAM would not find by its name is named by its path.  clang does not say
# where Debian has libraries, and names itself x86_64-pc-linux-gnu.
multiarch = $(or $(shell $(CC) $(CFLAGS) -print-multiarch 2>/dev/null),$(patsubst i486-%,i386-%,$(patsubst i586-%,i386-%,$(patsubst i686-%,i386-%,$(subst -pc-,-,$(subst -unknown-,-,$(arch)))))))
system_pamdir = $(firstword $(wildcard /usr/lib/$(multiarch)/security /usr/lib64/security) /usr/lib/$(multiarch)/security)
system_libdir = $(firstword $(wildcard /usr/lib/$(multiarch) /usr/lib64) /usr/lib)
$(BUILD)/pam-config: share/pam-configs/subid.in FORCE
	@mkdir -p $(@D)
	$(Q)sed 's|@PAM_SUBID@|$(if $(filter $(system_pamdir),$(PAMDIR)),,$(PAMDIR)/)$(notdir $(pam_module))|' $< > $@

# subid.h with its version and with what it shares with the library's own headers, what stands after their
# #includes, in the places of its own #includes.
define fill_in
/^#include "/ {
	for (body = 0; (getline line < substr($$2, 2, length($$2) - 2)) > 0; body += line ~ /^#include/)
		if (body && line !~ /^#include/)
			print line
	next
}
/^#define SUBID_VERSION_/ {
	split("$(VERSION)", number, ".")
	$$3 = number[++part]
}
{ print }
endef
$(lib_headers): export FILL_IN := $(fill_in)
$(lib_headers): libsubid/subid.h libsubid/core/types.h libsubid/maps/maps.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)awk "$$FILL_IN" $< > $@

# Always anew: PREFIX and its like are in no flag.
$(BUILD)/libsubid-ng.pc: libsubid/libsubid-ng.pc.in $(BUILD)/flags FORCE
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
		-e 's|@VERSION@|$(VERSION)|' $< > $@

$(made_pages): $(BUILD)/%: % $(BUILD)/flags
	@mkdir -p $(@D)
	$(Q)sed -e '/^\.Dt /s/$$/ "subid $(VERSION)"/' -e 's/^\.Os$$/.Os subid $(VERSION)/' $< > $@

$(BUILD)/ldap/subid.ldif: form = openldap
$(BUILD)/ldap/60subid.ldif: form = 389ds
$(ldap_schemas): share/ldap/subid.schema share/ldap/schema.awk
	@mkdir -p $(@D)
	$(Q)awk -v form=$(form) -f share/ldap/schema.awk $< > $@

$(BUILD)/examples/%: examples/%.in $(BUILD)/flags FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@SYSCONFDIR@|$(SYSCONFDIR)|' -e 's|@BINDIR@|$(BINDIR)|' -e 's|@STATEDIR@|$(STATEDIR)|' $< > $@

$(BUILD)/systemd/%: share/systemd/%.in FORCE
	@mkdir -p $(@D)
	$(Q)sed -e 's|@BINDIR@|$(BINDIR)|' -e 's|@STATEDIR@|$(STATEDIR)|' $< > $@

# A unit test names in its first lines the functions that it makes fail: "wrap: write fsync".
# With 64-bit offsets and times, the C library has some by another name where a long has 32.
, := ,
renamed := $(if $(long32),open:open64 openat:openat64 __openat_2:__openat64_2 fcntl:__fcntl_time64 stat:__stat64_time64 \
	fstat:__fstat64_time64 fstatfs:fstatfs64 fallocate:fallocate64 ftruncate:ftruncate64 pread:pread64 __pread_chk:__pread64_chk \
	pwrite:pwrite64 sendfile:sendfile64 mmap:mmap64 readdir:readdir64 getrlimit:getrlimit64 setrlimit:setrlimit64 \
	prctl:__prctl_time64 clock_gettime:__clock_gettime64 nanosleep:__nanosleep64)
other_name = $(patsubst $(1):%,%,$(filter $(1):%,$(renamed)))
doubles = $(foreach f,$(shell sed -n 's/^ \* wrap: //p' $(1)),-Wl$(,)--wrap=$(or $(call other_name,$(f)),$(f)) \
	$(foreach o,$(call other_name,$(f)),-D__wrap_$(f)=__wrap_$(o) -D__real_$(f)=__real_$(o)))
unit_archives = $(if $(filter tests/unit/ldap/%,$<),$(ldap_archive)) \
	$(if $(filter tests/unit/tools/% tests/unit/ldap/%,$<),$(subid_archive)) $(archive)
unit_pkgs = cmocka $(if $(filter tests/unit/tools/% tests/unit/ldap/%,$<),$(subid_pkgs)) \
	$(if $(filter tests/unit/ldap/%,$<),$(ldap_pkgs))
$(BUILD)/unit/%: tests/unit/%.c $(ldap_archive) $(subid_archive) $(archive) $(BUILD)/flags $(wildcard tests/unit/*.h)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) -Itests/unit -MMD -MP -MF $@.d $$($(PKG_CONFIG) --cflags $(unit_pkgs)) -pie -o $@ $< \
		$(unit_archives) $(call doubles,$<) -Wl,--as-needed $(LDFLAGS) $$($(PKG_CONFIG) --libs $(lib_pkgs) $(unit_pkgs))

check: ## run every test; as root for all of them (README)
	$(Q)tests/deps.sh build test || [ "$$(id -u)" != 0 ]
	$(Q)$(MAKE) all unit-tests
	$(Q)BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run $(TESTS)

# Where accounts and owners are looked up, once more with libnss_subid in nsswitch.conf.
names_tests = audit audit_fix audit_host audit_leases audit_model clients config files grant held helpers hold homes id \
	image lease lease_back ledger library list live login_command names_login pam pam_host pam_program pam_services \
	policy ps revoke share share_audit share_command shift shift_refused source sync taken trace

check-more: all ## run the tests that take minutes, which make check leaves out
	$(Q)tests/deps.sh build test || [ "$$(id -u)" != 0 ]
	$(Q)BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run --more $(TESTS)
ifndef TESTS
	$(Q)NAMES=1 BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run $(names_tests:%=test_%)
endif

# What attacks in the end-to-end tests.
$(BUILD)/attack/%: tests/attack/%.c $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -MF $@.d -pie -o $@ $< $(LDFLAGS) -lpthread

unit-tests: $(unit_tests) $(attack_programs)

check-unit: $(unit_tests) ## run the unit tests alone
	$(Q)BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run --unit

# The long forms of tests that make check runs a sample of; what they counted is shown.
long_forms = faults powercut crowd differential directory
faults: ## every system call of every command fails, is killed at, cut short, delayed
powercut: ## 200 power cuts under a running workload (ext4 on a loop device)
crowd: ## 64 processes, 1,000 changes each, beside useradd and kill -9
directory: ## many clients at a real slapd: killed, counter set back, restored, two masters
differential: ## 20,000 random tables and requests, ours beside shadow's and a model
long_tests = $(if $(filter directory,$@),test_directory_crowd test_directory_masters,test_$@)
$(long_forms): all
	$(Q)tests/deps.sh build test
	$(Q)FULL=1 BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run $(long_tests); status=$$?; \
		for t in $(long_tests); do sed -n '/^# /p' $(BUILD)/logs/$$t.log; done; exit $$status

# Debian's other releases, each in a fresh root of its own.
RELEASES ?= bookworm trixie sid
releases: ## make demo and make check (gcc; clang builds, too) in fresh roots of RELEASES (bookworm trixie sid)
	$(Q)tests/deps.sh build test
	$(Q)FULL=1 RELEASES='$(RELEASES)' BUILD='$(BUILD)' MAKE='$(MAKE)' tests/run test_releases; status=$$?; \
		sed -n '/^# /p' $(BUILD)/logs/test_releases.log; exit $$status

mutate: ## break comparisons and bounds one by one: which do the unit tests miss?
	$(Q)tests/mutate.py

sanitize_flags = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

sanitize: ## run the tests with AddressSanitizer and UBSan
	$(Q)$(MAKE) BUILD=build/asan HARDEN= CFLAGS='$(sanitize_flags)' check

# Where the library has threads.  Without random addresses, which TSan may not like.
tsan: ## run what has threads with ThreadSanitizer; as root, libnss_subid, too
	$(Q)$(MAKE) BUILD=build/tsan HARDEN= CFLAGS='-O1 -g -fsanitize=thread' build/tsan/unit/live/test_snapshot
	$(Q)TSAN_OPTIONS=halt_on_error=1:exitcode=66 setarch -R build/tsan/unit/live/test_snapshot
	$(Q)[ "$$(id -u)" != 0 ] || $(MAKE) check TESTS=test_names_threads

FUZZ_SECONDS ?= 20
fuzzers: ## build the fuzzers (clang)
	$(Q)$(MAKE) BUILD=build/fuzz CC=clang HARDEN= \
		CFLAGS='-O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all' \
		$(fuzzers:%=build/fuzz/%)

# A line for each: how often it ran, what of the code was reached, what was found.
run_fuzzers = status=0; for f in $(fuzzers); do \
	tests/fuzz/run $(1)/$$f tests/fuzz/seeds/$$f $(FUZZ_SECONDS) || status=1; done; exit $$status

fuzz: fuzzers ## fuzz each parser for FUZZ_SECONDS seconds (20)
	$(Q)$(call run_fuzzers,build/fuzz)

# No library but libc, whose functions the sanitizer knows.
msan_fuzzers:
	$(Q)$(MAKE) BUILD=build/fuzz-msan CC=clang HARDEN= \
		CFLAGS='-O1 -g -fsanitize=memory,fuzzer-no-link -fsanitize-memory-track-origins -fno-omit-frame-pointer' \
		$(fuzzers:%=build/fuzz-msan/%)

fuzz-msan: msan_fuzzers ## the same, looking for what is read before it is written
	$(Q)$(call run_fuzzers,build/fuzz-msan)

afl_fuzzer:
	$(Q)AFL_QUIET=1 AFL_USE_ASAN=1 AFL_USE_UBSAN=1 $(MAKE) BUILD=build/afl CC=afl-clang-fast HARDEN= \
		CFLAGS='-O1 -g -DAFL' build/afl/afl_newidmap

afl: afl_fuzzer ## fuzz the setuid helpers as whole programs (AFL++, as root)
	$(Q)tests/fuzz/afl build/afl/afl_newidmap tests/fuzz/seeds/afl_newidmap $(FUZZ_SECONDS)

$(BUILD)/afl_newidmap: tests/fuzz/afl_newidmap.c $(newidmap_src) $(archive) $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)$(compile) -o $@ $(filter %.c,$^) $(archive)

$(BUILD)/fuzz_%: tests/fuzz/fuzz_%.c $(ldap_archive) $(subid_archive) $(archive) $(BUILD)/flags
	$(call say,CC,$<)
	$(Q)$(compile) -MMD -MP -MF $@.d -fsanitize=fuzzer -o $@ $< $(ldap_archive) $(subid_archive) $(archive) -Wl,--as-needed $(lib_libs) $$($(PKG_CONFIG) --libs $(subid_pkgs))

bench_programs := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard tests/bench/*.c))
bench-programs: all $(bench_programs)

bench: bench-programs ## measure speed and memory beside shadow's tools; a table and a picture
	$(Q)tests/deps.sh build test
	$(Q)BUILD='$(BUILD)' tests/bench/run

$(BUILD)/bench/%: tests/bench/%.c $(archive) $(BUILD)/flags
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(compile) -MMD -MP -MF $@.d -pie -o $@ $< $(archive) -Wl,--as-needed $(LDFLAGS) $(lib_libs) -lpam

proof: ## prove the arithmetic on ids for all inputs (frama-c)
	$(Q)tests/deps.sh proof
	$(Q)tests/proof/run

coverage: ## run the tests (TESTS of them) and print coverage; fails below the limits
	$(Q)rm -rf build/coverage
	$(Q)$(MAKE) $(coverage_build) counted

counted: all unit-tests
	$(Q)BUILD='$(BUILD)' MAKE='$(MAKE)' tests/coverage.sh $(TESTS)

coverage_build = BUILD=build/coverage HARDEN= CFLAGS='-O0 -g --coverage -fprofile-update=atomic'

lint: ## static analysis, the order of folders, the style of scripts and man pages
	$(Q)tests/includes.sh $(product_src) $(wildcard libsubid/*.h libsubid/*/*.h pam/*.h nss/*.h tools/*/*.h tools/*/*/*.h examples/*.c)
	$(Q)clang-format --dry-run --Werror $(all_c)
	$(Q)shellcheck $(scripts)
	$(Q)for page in $(man_pages); do mandoc -Tlint -Wwarning $$page || exit 1; done
	$(Q)cppcheck -j2 --quiet --std=c11 --enable=warning,performance,portability \
		--suppressions-list=.cppcheck -D_GNU_SOURCE -I. --error-exitcode=1 libsubid tools pam nss
	$(Q)$(MAKE) BUILD=build/analyzer WERROR=-Werror CFLAGS='-O2 -fanalyzer' $(product_src:%.c=build/analyzer/%.o)
	$(Q)$(MAKE) BUILD=build/clang CC=clang WERROR=-Werror all

measure: all ## the house's marks in figures: sizes, links, complexity; fails over a limit
	$(Q)tests/deps.sh build test
	$(Q)BUILD='$(BUILD)' CC='$(CC) $(CFLAGS)' LIB_HEADERS='$(lib_headers)' PRODUCT_SRC='$(product_src)' \
		HELPER_SRC='$(newuidmap_src)' MODULE_SRC='$(pam_src)' CPP='$(subst ','\'',$(cpp))' tests/measure.sh $(if $(V),-v)

# Ten minutes of one core's work, five of two's.
TIDY ?= $(product_src)
tidy: ## clang-tidy, with clang's analyzer (.clang-tidy says what is left out)
	$(Q)printf '%s\n' $(TIDY) | xargs -P2 -I{} nice clang-tidy --quiet {} -- -std=gnu17 $(cpp) $(pam_cpp) $(shadow_cpp) \
		$(tools_cpp)
	$(if $(filter file,$(origin TIDY)),$(Q)$(MAKE) scan)

# The checkers and sources that are left out: .clang-tidy explains them, and clang-tidy
# looks at these two, where a line alone is excepted.
scan_checkers = core.UndefinedBinaryOperatorResult deadcode.DeadStores unix.Malloc valist.Uninitialized
scan_src := $(filter-out libsubid/live/snapshot.c libsubid/core/range.c,$(product_src))
scan: ## clang's analyzer as the sources are built (scan-build)
	$(Q)rm -rf build/scan
	$(Q)nice scan-build -o build/scan/reports --status-bugs $(scan_checkers:%=-disable-checker %) \
		sh -c '$(MAKE) -s BUILD=build/scan CC="$$CC" $(scan_src:%.c=build/scan/%.o)'

man-rules: $(BUILD)/subid ## write the auditor's rules into subid-audit(7)
	$(Q)tests/man_rules.sh $(BUILD)/subid man/subid-audit.7 > $(BUILD)/subid-audit.7
	$(Q)cp $(BUILD)/subid-audit.7 man/subid-audit.7

format: ## put the sources into the house format
	$(Q)clang-format -i $(all_c)

ifeq ($(filter setuid caps none,$(HELPER_PRIVILEGE)),)
$(error HELPER_PRIVILEGE is setuid, caps or none, not '$(HELPER_PRIVILEGE)')
endif

# All that is installed, by the name that it will have.
man_dir = $(MANDIR)/man$(lastword $(subst ., ,$(1)))
targets := $(programs:%=$(BINDIR)/%) $(BINDIR)/subid-compat $(compat:$(BUILD)/compat/%=$(COMPATDIR)/%) \
	$(addprefix $(LIBDIR)/,$(notdir $(static) $(shared)) $(soname) libsubid-ng.so) $(PKGCONFIGDIR)/libsubid-ng.pc \
	$(addprefix $(INCLUDEDIR)/subid-ng/,$(notdir $(lib_headers))) \
	$(foreach p,$(man_pages),$(call man_dir,$(p))/$(notdir $(p))) $(BASHCOMPDIR)/subid $(ZSHCOMPDIR)/_subid $(FISHCOMPDIR)/subid.fish \
	$(PAMDIR)/$(notdir $(pam_module)) $(NSSDIR)/$(notdir $(nss_module)) $(DATADIR)/pam-configs/subid $(data:share/%=$(DATADIR)/subid/%) \
	$(addprefix $(DATADIR)/subid/ldap/,$(notdir $(ldap_data))) $(units:%=$(UNITDIR)/%) $(TMPFILESDIR)/subid.conf \
	$(docs:%=$(DOCDIR)/%) $(addprefix $(DOCDIR)/examples/,$(notdir $(examples) $(example_src)))
installed = DESTDIR='$(DESTDIR)' MANIFEST='$(MANIFEST)' BINDIR='$(BINDIR)' FORCE='$(filter-out 0,$(FORCE))' share/installed.sh

destdir = $(DESTDIR)
install: all ## install beneath PREFIX; the helpers setuid root, or HELPER_PRIVILEGE=caps
	$(Q)$(installed) check $(targets)
	$(Q)$(INSTALL) -d $(sort $(addprefix $(destdir),$(dir $(targets) $(MANIFEST))))
	$(Q)$(INSTALL) -m 755 $(BUILD)/subid $(BUILD)/subid-ldap $(BUILD)/getsubids $(BUILD)/subid-compat $(destdir)$(BINDIR)
ifeq ($(HELPER_PRIVILEGE),caps)
	$(Q)$(INSTALL) -m 755 $(helpers:%=$(BUILD)/%) $(destdir)$(BINDIR)
	$(Q)setcap cap_setuid+ep $(destdir)$(BINDIR)/newuidmap
	$(Q)setcap cap_setgid+ep $(destdir)$(BINDIR)/newgidmap
else
	$(Q)$(INSTALL) -m $(if $(filter none,$(HELPER_PRIVILEGE)),755,4755) $(helpers:%=$(BUILD)/%) $(destdir)$(BINDIR)
endif
	$(Q)$(INSTALL) -m 644 $(static) $(destdir)$(LIBDIR)
	$(Q)$(INSTALL) -m 755 $(shared) $(destdir)$(LIBDIR)
	$(Q)$(INSTALL) -m 755 $(compat) $(destdir)$(COMPATDIR)
	$(Q)ln -sf $(notdir $(shared)) $(destdir)$(LIBDIR)/$(soname)
	$(Q)ln -sf $(soname) $(destdir)$(LIBDIR)/libsubid-ng.so
	$(Q)$(INSTALL) -m 644 $(BUILD)/libsubid-ng.pc $(destdir)$(PKGCONFIGDIR)
	$(Q)$(INSTALL) -m 644 $(lib_headers) $(destdir)$(INCLUDEDIR)/subid-ng
	$(Q)$(foreach p,$(made_pages),$(INSTALL) -m 644 $(p) $(destdir)$(call man_dir,$(p)) &&) :
	$(Q)$(INSTALL) -m 644 share/completions/subid.bash $(destdir)$(BASHCOMPDIR)/subid
	$(Q)$(INSTALL) -m 644 share/completions/_subid $(destdir)$(ZSHCOMPDIR)
	$(Q)$(INSTALL) -m 644 share/completions/subid.fish $(destdir)$(FISHCOMPDIR)
	$(Q)$(INSTALL) -m 644 $(data) $(destdir)$(DATADIR)/subid
	$(Q)$(INSTALL) -m 644 $(ldap_data) $(destdir)$(DATADIR)/subid/ldap
	$(Q)$(INSTALL) -m 644 $(pam_module) $(destdir)$(PAMDIR)
	$(Q)$(INSTALL) -m 644 $(nss_module) $(destdir)$(NSSDIR)
	$(Q)$(INSTALL) -m 644 $(BUILD)/pam-config $(destdir)$(DATADIR)/pam-configs/subid
	$(Q)$(INSTALL) -m 644 $(units:%=$(BUILD)/systemd/%) $(destdir)$(UNITDIR)
	$(Q)$(INSTALL) -m 644 $(BUILD)/systemd/tmpfiles.conf $(destdir)$(TMPFILESDIR)/subid.conf
	$(Q)$(INSTALL) -m 644 $(docs) $(destdir)$(DOCDIR)
	$(Q)$(INSTALL) -m 644 $(examples:%=$(BUILD)/examples/%) $(example_src) $(destdir)$(DOCDIR)/examples
	$(Q)$(installed) record $(targets)
	$(if $(silent),,$(Q)$(installed) found)

uninstall: ## remove just what install put there
	$(Q)$(installed) remove
	$(Q)for dir in $(COMPATDIR) $(INCLUDEDIR)/subid-ng $(DATADIR)/subid/ldap $(DATADIR)/subid $(DOCDIR)/examples $(DOCDIR); do \
		[ ! -d $(destdir)$$dir ] || rmdir --ignore-fail-on-non-empty $(destdir)$$dir; done

# What is committed, the same bytes each time.
tarball = $(BUILD)/subid-$(VERSION).tar.gz
dist: ## the sources as a tarball, with its checksum: build/subid-VERSION.tar.gz
	$(Q)mkdir -p $(BUILD)
	$(Q)git archive --prefix=subid-$(VERSION)/ HEAD -- . ':!debian' | gzip -9n > $(tarball)
	$(Q)cd $(BUILD) && sha256sum $(notdir $(tarball)) | tee $(notdir $(tarball)).sha256

# In a folder of its own, from what is committed.
deb: ## Debian packages, and lintian: build/deb/
	$(Q)tests/deps.sh build deb
	$(Q)$(MAKE) dist
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb
	$(Q)cp $(tarball) $(BUILD)/deb/subid_$(VERSION).orig.tar.gz
	$(Q)tar -C $(BUILD)/deb -xf $(tarball)
	$(Q)git archive --prefix=subid-$(VERSION)/ HEAD -- debian | tar -C $(BUILD)/deb -x
	$(Q)cd $(BUILD)/deb/subid-$(VERSION) && env -u MAKEFLAGS -u MAKELEVEL -u CFLAGS -u BUILD dpkg-buildpackage -us -uc > ../build.log 2>&1 || \
		{ tail -n 40 ../build.log; exit 1; }
	$(Q)cd $(BUILD)/deb && lintian --allow-root --fail-on error,warning --tag-display-limit 0 *.changes && ls *.deb

# With the rpmbuild of Debian as far as that can show: rpm/subid.spec says so.
rpmbuild = rpmbuild --quiet --nodeps -bb -D '_topdir $(abspath $(BUILD))/rpm' -D '_sourcedir $(abspath $(BUILD))' -D '_unpackaged_files_terminate_build 1' $(RPMFLAGS)
rpm: ## RPM packages, as far as Debian's rpmbuild can tell: build/rpm/RPMS/
	$(Q)tests/deps.sh build rpm
	$(Q)$(MAKE) dist
	$(Q)rm -rf $(BUILD)/rpm && mkdir -p $(BUILD)/rpm
	$(Q)sed 's/@VERSION@/$(VERSION)/' rpm/subid.spec > $(BUILD)/rpm/subid.spec
	$(Q)env -u MAKEFLAGS -u MAKELEVEL -u CFLAGS -u BUILD $(rpmbuild) $(BUILD)/rpm/subid.spec > $(BUILD)/rpm/build.log 2>&1 || \
		{ tail -n 40 $(BUILD)/rpm/build.log; exit 1; }
	$(Q)cd $(BUILD)/rpm/RPMS && ls */*.rpm

demo: ## two users, two ranges, a real container (as root, in a private mount namespace)
	$(Q)tests/deps.sh build demo
	$(Q)$(MAKE) all
	$(Q)BUILD='$(BUILD)' MAKE='$(MAKE)' tests/demo.sh

deps: ## install what building and testing need (Debian, as root)
	$(Q)tests/deps.sh build demo test

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 14

# Another folder than build/ is removed if it was made by this Makefile.
clean: ## remove what was built (BUILD, if it is elsewhere)
	$(Q)$(if $(filter build,$(BUILD)),rm -rf build,[ ! -e '$(BUILD)/flags' ] || rm -rf '$(BUILD)')

-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
