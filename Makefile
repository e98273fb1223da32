# klpd: kernel live patching agent
#
# Targets
#   make               build everything into $(O)
#   make check         every test that needs no root (installs what is missing, see DEPS)
#   make check-root    the tests that need root
#   make demo          a simulated Amazon Linux 2 node and its repositories; scan it, print the table
#   make lint          includes, symbols, headers, formatting, shell, spelling, manual pages
#   make format        run clang-format over the tree
#   make fuzz-NAME     libFuzzer on one parser (needs clang); corpora are replayed by make check
#   make install       into $(DESTDIR)$(PREFIX)
#   make clean
#
# Variables
#   DESTDIR=  PREFIX=/usr/local  SYSCONFDIR=/etc  LIBEXECDIR=$(PREFIX)/libexec/klpd
#   DATADIR=$(PREFIX)/share  MANDIR=$(DATADIR)/man
#   CC CFLAGS LDFLAGS PKG_CONFIG   as usual; CFLAGS come last
#   DEV=1              warnings are errors, ASan and UBSan (SANITIZE=address,undefined)
#   V=1                show commands
#   O=build            output directory
#   DEPS=1             install missing dependencies first; 0 = never touch the system

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
PKG_CONFIG ?= pkg-config
O          ?= build
DEPS       ?= 1
DEV        ?= 0
V          ?= 0
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

ALL_CFLAGS = $(BASE_FLAGS) $(WARN_FLAGS) $(HARDEN_FLAGS) $(DEV_FLAGS) $(SAN_FLAGS) $(CFLAGS)
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
LIBS_cmocka  := $(call pc_libs,cmocka)
CFLAGS_repo  := $(call pc_cflags,librepo glib-2.0)

# ---- the map: which file belongs to which folder ------------------------------------------------

base     := alloc doc err fsx timex yaml
core     := advisory baseline catalogue config evr finding kernel match nevra platform snapshot
probe    :=
repo     :=
metadata :=
solv     :=
codec    :=
ipc      :=

FOLDERS := base core probe repo metadata solv codec ipc

# ---- programs: the link line is the privilege statement -----------------------------------------

PROGRAMS :=

# ---- tests: tests/unit/FOLDER/test_NAME.c links its folder and what lies below it ----------------

needs_base     := base
needs_core     := core base
needs_probe    := probe core base
needs_repo     := repo core base
needs_metadata := metadata core base
needs_solv     := solv metadata core base
needs_codec    := codec core base
needs_ipc      := ipc core base

libs_base     := $(LIBS_yaml)
libs_core     := $(LIBS_yaml)
libs_probe    := $(LIBS_yaml) $(LIBS_rpm)
libs_repo     := $(LIBS_yaml) $(LIBS_repo) $(LIBS_jansson)
libs_metadata := $(LIBS_yaml) $(LIBS_expat)
libs_solv     := $(LIBS_yaml) $(LIBS_expat) $(LIBS_solv)
libs_codec    := $(LIBS_yaml) $(LIBS_jansson)
libs_ipc      := $(LIBS_yaml) $(LIBS_jansson)

# ---- rules --------------------------------------------------------------------------------------

archive = $(O)/$(1).a
objects = $(patsubst %,$(O)/agent/$(1)/%.o,$($(1)))

$(O)/agent/repo/%.o: ALL_CFLAGS += $(CFLAGS_repo)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

define folder_rules
$(O)/$(1).a: $(call objects,$(1))
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@ && ar rcs $$@ $$^

$(O)/unit/$(1)/test_%: $(O)/tests/unit/$(1)/test_%.o $(foreach f,$(needs_$(1)),$(call archive,$(f)))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$< \
		$(foreach f,$(needs_$(1)),$(call archive,$(f))) $$(libs_$(1)) $$(LIBS_cmocka)
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(sort $(wildcard tests/unit/*/test_*.c)))

all: $(addprefix $(O)/,$(PROGRAMS))

unit: $(UNIT_TESTS)
	$(Q)for t in $(UNIT_TESTS); do $$t || exit 1; done

format:
	clang-format -i $(shell git ls-files '*.c' '*.h')

clean:
	rm -rf $(O)

.PHONY: all unit format clean
.SECONDARY:

-include $(shell find $(O) -name '*.d' 2>/dev/null)
