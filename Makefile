# klpd: kernel live patching agent
#
# Targets
#   make               build everything into $(O)
#   make check         every test that needs no root
#   make check-root    the tests that need root
#   make check-asan    make check again, built with DEV=1 into $(O)-asan
#   make check-valgrind   the unit tests under valgrind
#   make e2e           klpd on a real kernel, emulated; make e2e-full: two kernels, all scenarios
#   make unit          only the unit tests; make unit T=evr those whose path contains "evr"
#   make demo          a simulated Amazon Linux 2 node and its repositories; scan it, print the table
#   make bench         beside dnf and zypper, in one run: time, memory, bytes; BENCH='--runs=3 growth' narrows it
#   make lint          includes, symbols, headers, sizes, formatting, shell, spelling, manual pages
#   make format        run clang-format over the tree
#   make fuzz-NAME     libFuzzer on tests/fuzz/fuzz_NAME.c for FUZZ_TIME=60 seconds (needs clang)
#   make install       into $(DESTDIR)$(PREFIX); make uninstall takes the same files away
#   make dist          a source archive of the last commit in $(O)
#   make clean help
#
# Variables
#   DESTDIR=  PREFIX=/usr/local  SYSCONFDIR=/etc  LIBEXECDIR=$(PREFIX)/libexec/klpd
#   BINDIR=$(PREFIX)/bin  DATADIR=$(PREFIX)/share  MANDIR=$(DATADIR)/man  LIBDIR=$(PREFIX)/lib
#   SYSTEMD=version    of the node's systemd: units get what it can do; default: this machine's
#   CC CFLAGS LDFLAGS PKG_CONFIG PYTHON   as usual; CFLAGS come last
#   DEV=1              warnings are errors, ASan and UBSan (SANITIZE=address,undefined)
#   V=1                show commands
#   O=build            output directory
#   DEPS=1             check, check-root, demo and lint install missing dependencies first, after
#                      saying what; 0 = never touch the system

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

DESTDIR    ?=
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIBEXECDIR ?= $(PREFIX)/libexec/klpd
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
INCLUDEDIR ?= $(PREFIX)/include
LIBDIR     ?= $(PREFIX)/lib
PKG_CONFIG ?= pkg-config
PYTHON     ?= /usr/bin/python3
O          ?= build
DEPS       ?= 1
DEV        ?= 0
V          ?= 0
FUZZ_TIME  ?= 60
SYSTEMD    ?= $(or $(shell systemctl --version 2>/dev/null | awk 'NR == 1 { print int($$2) }'),219)
ifeq ($(origin CC),default)
CC := gcc
endif

VERSION := $(shell cat VERSION)

# ---- flags -------------------------------------------------------------------------------------

BASE_FLAGS := -std=gnu11 -D_GNU_SOURCE -fvisibility=hidden -Iagent -I. -I$(O)/gen \
	-DKLPD_VERSION='"$(VERSION)"' -DKLPD_LIBEXECDIR='"$(LIBEXECDIR)"' \
	-DKLPD_SYSCONFDIR='"$(SYSCONFDIR)"'
WARN_FLAGS := -Wall -Wextra -Wshadow -Wundef -Wformat=2 -Wmissing-prototypes \
	-Wstrict-prototypes -Wold-style-definition -Wwrite-strings -Wpointer-arith -Wvla \
	-Wswitch-enum -Wunused-result -Wno-format-nonliteral -Wno-missing-field-initializers
HARDEN_FLAGS := -fstack-protector-strong -fPIE
HARDEN_LDFLAGS := -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed

ifeq ($(DEV),1)
SANITIZE ?= address,undefined
DEV_FLAGS := -Werror -O1 -g -fno-omit-frame-pointer
else
DEV_FLAGS := -O2 -g -D_FORTIFY_SOURCE=2
endif
ifneq ($(SANITIZE),)
SAN_FLAGS := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
# Linked into every program: what a sanitizer is to overlook.
SAN_OBJS := $(if $(findstring address,$(SANITIZE)),$(O)/tests/lsan.o)

# A folder that needs more than its libraries' names has CFLAGS_FOLDER.
ALL_CFLAGS = $(BASE_FLAGS) $(CFLAGS_$(notdir $(@D))) $(WARN_FLAGS) $(HARDEN_FLAGS) $(DEV_FLAGS) \
	$(SAN_FLAGS) $(CFLAGS)
ALL_LDFLAGS = $(HARDEN_LDFLAGS) $(SAN_FLAGS) $(LDFLAGS)

Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

# ---- libraries: one pair of variables each -----------------------------------------------------

pc_libs = $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null)
pc_cflags = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)

LIBS_jansson := $(call pc_libs,jansson)
LIBS_yaml    := $(call pc_libs,yaml-0.1)
LIBS_expat   := $(call pc_libs,expat)
LIBS_rpm     := $(call pc_libs,rpm)
LIBS_solv    := $(call pc_libs,libsolvext libsolv)
LIBS_repo    := $(call pc_libs,librepo glib-2.0)
LIBS_seccomp := $(call pc_libs,libseccomp)
LIBS_curl    := $(call pc_libs,libcurl)
LIBS_crypto  := $(call pc_libs,libcrypto)
LIBS_zlib    := $(call pc_libs,zlib)
LIBS_cmocka  := $(call pc_libs,cmocka)
CFLAGS_repo  := $(call pc_cflags,librepo glib-2.0)
CFLAGS_publish := -Iplugins

MISSING_LIBS := $(strip $(foreach l,jansson yaml expat rpm solv repo seccomp curl crypto zlib,$(if $(LIBS_$(l)),,$(l))))

# ---- the map: which file belongs to which folder ------------------------------------------------

base     := alloc child doc err fsx lockdown log loop meminfo timex yaml
core     := activation advisory approval baseline builds builtin catalogue config cve doctor evaluate evr finding \
	    jobtable judge judge_coverage judge_kernel judge_kernels judge_livepatch kernel lifecycle match nevra \
	    openpgp override plan plan_configure plan_goals plan_guard platform recall report reposwitch \
	    repotemplate snapshot spread tracing window
probe    := checkup kernel livepatch osrelease probe rpmdb tracefs transition units
repo     := cache document fetch package repoconf transfer url
metadata := markup primary updateinfo
solv     := available digest filtered solve stream zstdframe
codec    := jsonx plan report shape snapshot vex
ipc      := frame idl message varlink_client varlink_server
klpctl   := client cmd_baseline cmd_bridge cmd_capture cmd_config cmd_configure configuration cmd_cve cmd_doctor \
	    cmd_evaluate cmd_explain cmd_export cmd_history cmd_install cmd_kernel cmd_list cmd_pause cmd_report cmd_run cmd_scan \
	    cmd_status cmd_verify command fleet html installation main options outcome pick progress screen shared \
	    ssh ssm table view
klpd     := actions announce applier caller changes conclude documents finish hold hooks install intent job jobs journal main methods options \
	    place plugin plugincheck publisher scan service settings state store tool
fetch    := clock config documents download main refresh request
rpm      := lock messages transaction verify
apply    := channel guard load main options output repository run service stage trace
worker   := extracts gather main request session verb_activation verb_baseline verb_capture verb_config \
	    verb_cve verb_doctor verb_explain verb_plan verb_probe verb_scan verb_vex wishes

publish  := main plugin report

FOLDERS := base core probe repo metadata solv rpm codec ipc klpctl klpd fetch worker apply publish

# ---- plugins: PLUGINDIR/NAME.so out of plugins/NAME.c and what plugin_NAME names ------------------

PLUGINS := exec file journal openmetrics ssm
plugin_exec        := common
plugin_file        := common
plugin_journal     := common
plugin_openmetrics := common
plugin_ssm         := aws_sign common http ssm_call ssm_identity ssm_items
libs_plugin_ssm     = $(LIBS_curl) $(LIBS_crypto) $(LIBS_jansson) $(LIBS_zlib)

# ---- programs: the link line is the privilege statement -----------------------------------------
#
# A program has a folder, whose main.c is its entry, and the parts it may contain: folders, or
# single files where it must not get the rest of a folder. It appears once its folder has files.

folder_of_klpctl      := klpctl
folder_of_klpd        := klpd
folder_of_klpd-fetch  := fetch
folder_of_klpd-worker := worker
folder_of_klpd-apply  := apply
folder_of_klpd-publish := publish

needs_klpctl := klpctl ipc codec core base
needs_klpd   := klpd ipc repo/cache core base
needs_fetch  := fetch repo core base
needs_apply  := apply rpm probe/tracefs core base
needs_publish := publish base
needs_worker := worker solv metadata probe codec repo/cache rpm/lock core base

libs_klpctl := $(LIBS_jansson) $(LIBS_yaml)
libs_klpd   := $(LIBS_jansson) $(LIBS_yaml)
libs_fetch  := $(LIBS_repo) $(LIBS_jansson) $(LIBS_yaml) $(LIBS_seccomp)
libs_apply  := $(LIBS_rpm)
libs_publish := $(LIBS_jansson) $(LIBS_yaml) $(LIBS_seccomp) -ldl
libs_worker := $(LIBS_expat) $(LIBS_solv) $(LIBS_rpm) $(LIBS_yaml) $(LIBS_jansson) \
	       $(LIBS_seccomp)

PROGRAMS := $(foreach p,klpctl klpd klpd-fetch klpd-worker klpd-apply klpd-publish,$(if $($(folder_of_$(p))),$(p)))

# ---- tests: tests/unit/FOLDER/test_NAME.c links its folder and what lies below it ----------------
#
# One that needs more has libs_test_NAME, or objs_test_NAME for further objects below $(O).
# dump_NAME.c beside it is a program that other tests run.

needs_base     := base
needs_core     := core base
needs_probe    := probe core base
needs_repo     := repo core base
needs_metadata := metadata core base
needs_solv     := solv metadata core base
needs_codec    := codec core base
needs_ipc      := ipc core base

libs_base     := $(LIBS_yaml) $(LIBS_seccomp)
libs_core     := $(LIBS_yaml)
libs_probe    := $(LIBS_yaml) $(LIBS_rpm)
libs_repo     := $(LIBS_yaml) $(LIBS_repo) $(LIBS_jansson)
libs_metadata := $(LIBS_yaml) $(LIBS_expat)
libs_solv     := $(LIBS_yaml) $(LIBS_expat) $(LIBS_solv)
libs_codec    := $(LIBS_yaml) $(LIBS_jansson)
libs_ipc      := $(LIBS_yaml) $(LIBS_jansson)

libs_test_evr   := $(LIBS_rpm)
libs_test_solve := $(LIBS_rpm)

# tests/fuzz/fuzz_NAME.c and the folder it exercises.
fuzz_updateinfo := metadata
fuzz_primary    := metadata
fuzz_evr        := core
fuzz_yaml       := base
fuzz_baseline   := core
fuzz_platform   := core
fuzz_varlink    := ipc
fuzz_snapshot   := codec
fuzz_openpgp    := core
fuzz_tracing    := core

# ---- rules --------------------------------------------------------------------------------------

objects = $(patsubst %,$(O)/agent/$(1)/%.o,$(filter-out main,$($(1))))
part    = $(if $(findstring /,$(1)),$(O)/agent/$(1).o,$(O)/$(1).a)
parts   = $(foreach p,$(needs_$(1)),$(call part,$(p)))
c_files = $(basename $(notdir $(sort $(wildcard $(1)))))

all: $(addprefix $(O)/,$(PROGRAMS)) $(PLUGINS:%=$(O)/plugins/%.so)

# Objects depend on how they are compiled: other flags, another compiler, and they are made again.
HOW := $(CC) $(CFLAGS_repo) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LIBEXECDIR) $(BINDIR)
$(O)/flags: FORCE
	@$(if $(MISSING_LIBS),echo 'klpd: headers are missing: $(MISSING_LIBS).' \
		'Run: sh tests/bootstrap make' >&2; exit 1)
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(HOW))' | cmp -s - $@ || \
		printf '%s\n' '$(subst ','\'',$(HOW))' >$@

$(O)/%.o: %.c $(O)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

# A plugin exports one symbol and brings all else; with a sanitizer its host brings that.
PLUGIN_FLAGS = -fPIC -fvisibility=hidden -shared -Wl,-z,relro -Wl,-z,now $(if $(SAN_FLAGS),,-Wl,-z,defs)

define plugin_rule
$(O)/plugins/$(1).so: $(patsubst %,plugins/%.c,$(1) $(plugin_$(1))) $(wildcard plugins/*.h) $(O)/flags
	@mkdir -p $$(@D)
	$$(call say,PLUGIN,$$@)$$(CC) $$(filter-out -fPIE,$$(ALL_CFLAGS)) $$(PLUGIN_FLAGS) $$(LDFLAGS) \
		-o $$@ $$(filter %.c,$$^) $$(libs_plugin_$(1))
endef
$(foreach p,$(PLUGINS),$(eval $(call plugin_rule,$(p))))

# Texts that are part of a program: C string literals made from the files of the project.
PLATFORMS := $(sort $(wildcard conf/platforms/*.yaml))
BASELINES := $(sort $(wildcard conf/baselines/*.yaml))
REPOSITORIES := $(sort $(wildcard conf/repositories/*.repo))
# Those whose commands klpctl has.
DOCUMENTS := $(sort $(wildcard conf/ssm/*.json))
embed = $(call say,GEN,$@)mkdir -p $(@D) && awk $(1) >$@

$(O)/gen/builtin_data.inc: conf/embed.awk $(PLATFORMS) $(BASELINES)
	$(call embed,-f conf/embed.awk macro=BUILTIN_PLATFORM $(PLATFORMS) \
		macro=BUILTIN_BASELINE $(BASELINES))

$(O)/gen/repositories.inc: conf/embed.awk $(REPOSITORIES)
	$(call embed,-f conf/embed.awk macro=REPOSITORY $(REPOSITORIES))

$(O)/gen/%.inc: agent/ipc/%.varlink conf/embed.awk
	$(call embed,-f conf/embed.awk $<)

$(O)/gen/report_css.inc: conf/report.css conf/embed.awk
	$(call embed,-f conf/embed.awk conf/report.css)

# What decides how metadata is understood: an extract of other sources is not read.
READING := $(sort $(foreach f,base core metadata solv codec worker,$(wildcard agent/$(f)/*.[ch])))

$(O)/gen/sources.inc: $(READING)
	$(call say,GEN,$@)mkdir -p $(@D) && cat $(READING) | cksum | sed 's/.*/"&"/' >$@

$(O)/agent/worker/extracts.o: $(O)/gen/sources.inc
$(O)/agent/core/builtin.o: $(O)/gen/builtin_data.inc
$(O)/agent/core/repotemplate.o: $(O)/gen/repositories.inc
$(O)/agent/klpctl/html.o: $(O)/gen/report_css.inc
$(O)/agent/ipc/idl.o: $(O)/gen/io.klpd.Agent.inc $(O)/gen/org.varlink.service.inc

# Units name the programs by their installed paths.
$(O)/systemd/%: systemd/% $(O)/flags
	$(call say,GEN,$@)mkdir -p $(@D) && \
		sed 's|@LIBEXECDIR@|$(LIBEXECDIR)|g; s|@BINDIR@|$(BINDIR)|g' $< >$@

define folder_rules
$(O)/$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@ && ar rcs $$@ $$(filter %.o,$$^)

$(O)/unit/$(1)/%: $(O)/tests/unit/$(1)/%.o $(SAN_OBJS) $(call parts,$(1))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$< $$(objs_$$(notdir $$@)) \
		$(SAN_OBJS) $(call parts,$(1)) $$(libs_$(1)) $$(libs_$$(notdir $$@)) $$(LIBS_cmocka)
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

define program_rule
$(O)/$(1): $(O)/agent/$(2)/main.o $(SAN_OBJS) $(call parts,$(2))
	$$(call say,LINK,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(libs_$(2))
endef
$(foreach p,$(PROGRAMS),$(eval $(call program_rule,$(p),$(folder_of_$(p)))))

# A fuzz entry is linked twice: replay-NAME runs it over files, fuzz-NAME (clang) hunts.
define fuzz_rules
$(O)/fuzz/replay-$(1): $(O)/tests/fuzz/fuzz_$(1).o $(O)/tests/fuzz/replay.o \
		$(call parts,$(fuzz_$(1)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(libs_$(fuzz_$(1)))

$(O)/fuzz/fuzz-$(1): $(O)/tests/fuzz/fuzz_$(1).o $(call parts,$(fuzz_$(1)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ \
		$$(libs_$(fuzz_$(1)))

fuzz-$(1):
	@mkdir -p $(O)-fuzz/corpus/$(1)
	+$$(Q)$$(MAKE) --no-print-directory CC=clang DEV=1 O=$(O)-fuzz \
		SANITIZE=address,undefined,fuzzer-no-link $(O)-fuzz/fuzz/fuzz-$(1)
	$(O)-fuzz/fuzz/fuzz-$(1) -max_total_time=$(FUZZ_TIME) -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix=$(O)-fuzz/ $(O)-fuzz/corpus/$(1) $(wildcard tests/fuzz/corpus/$(1))
.PHONY: fuzz-$(1)
endef
FUZZERS := $(patsubst fuzz_%,%,$(call c_files,tests/fuzz/fuzz_*.c))
$(foreach n,$(FUZZERS),$(eval $(call fuzz_rules,$(n))))

# ---- running the tests --------------------------------------------------------------------------

T ?=
UNIT_ALL   := $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/*/test_*.c)))
UNIT_DUMPS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/*/dump_*.c)))
UNIT_TESTS := $(foreach t,$(UNIT_ALL),$(if $(T),$(if $(findstring $(T),$(t)),$(t)),$(t)))
REPLAYS    := $(addprefix $(O)/fuzz/replay-,$(FUZZERS))
# What a process and its descendants cost; and the least that reading metadata can.
MEASURE    := $(O)/bench/measure
$(O)/bench/%: $(O)/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(libs_$*)
libs_floor := -lcrypto -lz -lzstd
RUN        := KLPD_BUILD=$(O) $(PYTHON) tests/run $(if $(filter 1,$(V)),-v)
# The dependencies of a group of targets, then the target itself in a make that finds them.
with_deps   = +$(Q)$(if $(filter 0,$(DEPS)),,sh tests/bootstrap --for=$(1)) \
	$(MAKE) --no-print-directory DEPS=0

unit: $(UNIT_TESTS)
	$(Q)$(RUN) --unit $(UNIT_TESTS)

check:
	$(call with_deps,check) check-now

check-now: all $(UNIT_TESTS) $(UNIT_DUMPS) $(MEASURE) $(REPLAYS)
	$(Q)$(RUN) --unit $(UNIT_TESTS) --replay $(REPLAYS) --scenarios --pytest 'not root'

check-root:
	$(call with_deps,service) check-root-now

check-root-now: all $(UNIT_DUMPS)
	$(Q)$(RUN) --pytest root

check-asan:
	$(call with_deps,check) DEV=1 O=$(O)-asan check-now

# Without fortified functions, which valgrind takes for others.
check-valgrind:
	$(call with_deps,valgrind) O=$(O)-valgrind CFLAGS='-U_FORTIFY_SOURCE $(CFLAGS)' \
		check-valgrind-now

check-valgrind-now: $(UNIT_TESTS)
	$(Q)$(RUN) --valgrind --unit $(UNIT_TESTS)

# On a real kernel, in an emulated machine: tests/e2e/README.md.
e2e:
	$(call with_deps,e2e) e2e-now

e2e-now: all
	$(Q)KLPD_BUILD=$(O) PYTHON=$(PYTHON) tests/e2e/e2e --scenarios="mission replace stalled" bookworm

e2e-full:
	$(call with_deps,e2e) e2e-full-now

e2e-full-now: all
	$(Q)KLPD_BUILD=$(O) PYTHON=$(PYTHON) tests/e2e/e2e bookworm bullseye

demo:
	$(call with_deps,check) demo-now

demo-now: all
	$(Q)KLPD_BUILD=$(O) $(PYTHON) tests/demo $(O)/demo

bench:
	$(call with_deps,bench) bench-now

bench-now: all $(MEASURE) $(O)/bench/floor
	$(Q)KLPD_BUILD=$(O) $(PYTHON) tests/bench/bench $(BENCH)

lint:
	$(call with_deps,lint) lint-now

lint-now: all $(O)/core.a
	$(Q)CC='$(CC)' CFLAGS='$(BASE_FLAGS) $(CFLAGS_repo) $(CFLAGS_publish)' KLPD_BUILD=$(O) sh tests/lint/run

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

# ---- installation: rows of MODE:FILE:TARGET; uninstall reads the same table --------------------------

doc_dir  := $(DATADIR)/doc/klpd
conf_dir := $(DATADIR)/klpd
unit_dir := $(LIBDIR)/systemd/system

# UNIT.d/NNN.conf has what systemd NNN and later can do.
UNITS   := $(foreach k,service socket timer path,$(sort $(wildcard systemd/*.$(k))))
DROPINS := $(foreach f,$(sort $(wildcard systemd/*.d/*.conf)),$(if \
	$(shell test $(SYSTEMD) -ge $(basename $(notdir $(f))) && echo 1),$(f)))

INSTALL = \
	$(if $(klpctl),755:$(O)/klpctl:$(BINDIR)/klpctl) \
	$(foreach p,$(filter-out klpctl,$(PROGRAMS)),755:$(O)/$(p):$(LIBEXECDIR)/$(p)) \
	$(foreach p,$(PLUGINS),644:$(O)/plugins/$(p).so:$(LIBEXECDIR)/plugins/$(p).so) \
	644:plugins/klpd-plugin.h:$(INCLUDEDIR)/klpd-plugin.h \
	644:conf/klpd.yaml:$(conf_dir)/klpd.yaml \
	$(foreach f,$(UNITS) $(DROPINS),644:$(O)/$(f):$(unit_dir)/$(f:systemd/%=%)) \
	644:systemd/klpd.sysusers:$(LIBDIR)/sysusers.d/klpd.conf \
	644:systemd/klpd.tmpfiles:$(LIBDIR)/tmpfiles.d/klpd.conf \
	644:systemd/klpd.preset:$(LIBDIR)/systemd/system-preset/80-klpd.preset \
	644:systemd/klpd.catalog:$(LIBDIR)/systemd/catalog/klpd.catalog \
	$(foreach f,$(PLATFORMS),644:$(f):$(conf_dir)/platforms/$(notdir $(f))) \
	$(foreach f,$(BASELINES),644:$(f):$(conf_dir)/baselines/$(notdir $(f))) \
	$(foreach f,$(DOCUMENTS),644:$(f):$(conf_dir)/ssm/$(notdir $(f))) \
	644:conf/prometheus/klpd-alerts.yml:$(conf_dir)/prometheus/klpd-alerts.yml \
	644:conf/grafana/klpd.json:$(conf_dir)/grafana/klpd.json \
	$(foreach f,$(sort $(wildcard docs/*.schema.json)),644:$(f):$(conf_dir)/$(notdir $(f))) \
	$(foreach n,5 8,$(foreach f,$(sort $(wildcard docs/*.$(n))),644:$(f):$(MANDIR)/man$(n)/$(notdir $(f)))) \
	644:README.md:$(doc_dir)/README.md \
	644:LICENSE:$(doc_dir)/LICENSE

row = $(word $(1),$(subst :, ,$(2)))
define install_one
	$(Q)install -D -m $(call row,1,$(1)) $(call row,2,$(1)) $(DESTDIR)$(call row,3,$(1))

endef

HOOKS := pre-install post-install on-exit

# The settings of a node stay what they are.
install: all $(addprefix $(O)/,$(UNITS) $(DROPINS))
	$(foreach r,$(INSTALL),$(call install_one,$(r)))
	$(Q)test -e $(DESTDIR)$(SYSCONFDIR)/klpd/klpd.yaml || \
		install -D -m 644 conf/klpd.yaml $(DESTDIR)$(SYSCONFDIR)/klpd/klpd.yaml
	$(Q)install -d -m 755 $(HOOKS:%=$(DESTDIR)$(SYSCONFDIR)/klpd/hooks.d/%)

uninstall:
	rm -f $(foreach r,$(INSTALL),$(DESTDIR)$(call row,3,$(r)))

dist:
	@mkdir -p $(O)
	git archive --prefix=klpd-$(VERSION)/ -o $(O)/klpd-$(VERSION).tar.gz HEAD

clean:
	rm -rf $(O) $(O)-asan $(O)-fuzz

help:
	@sed -n '/^# klpd:/,/^$$/s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

FORCE:

.PHONY: all unit check check-now check-root check-root-now check-asan check-valgrind \
	check-valgrind-now e2e e2e-now e2e-full e2e-full-now demo demo-now bench bench-now lint lint-now format \
	install uninstall dist clean help FORCE
.SECONDARY:

-include $(shell find $(O)/agent $(O)/tests -name '*.d' 2>/dev/null)
