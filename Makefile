# A newcomer needs `make run` and `make demo`, which need nothing but make and Python 3.11, 3.12 or 3.13.

SHELL := /bin/sh
# The newest supported Python that can make a virtual environment (Debian packages ensurepip separately).
SUPPORTED := import sys, ensurepip, ssl; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3; do \
	$$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
VENV := .venv/bin/python
# One lock for every supported Python.
COMPILE := $(VENV) -m uv pip compile --quiet --no-header --no-annotate --generate-hashes \
	--universal --fork-strategy fewest --python-version 3.11
# Processes that share the tests: one for a selection of tests, and one where the servers are not ours.
WORKERS ?= $(if $(ARGS)$(DATABASE_URL)$(REDIS_URL),0,2)

# The command `faceapp`: the lock has what it needs and what builds it, so that nothing is fetched for it.
CLIENT_OPTIONS := --quiet --no-deps --no-build-isolation

# The locks are complete, with the hashes of every file; --no-deps keeps out what requirements-overrides.txt excludes.
# Nothing is compiled: a package without a wheel for this machine is an error that names it. face-recognition-models is
# data and has no wheel; requirements-build.txt has what builds it, so that nothing without a hash is fetched for it.
LOCKED := --quiet --require-hashes --no-deps --only-binary :all:
INSTALL_OPTIONS := $(LOCKED) --no-build-isolation --no-binary face-recognition-models
define install
@echo "Installing $(1) …"
@$(VENV) -m uv pip install $(INSTALL_OPTIONS) --python $(VENV) -r $(1) || \
	$(VENV) -m pip install $(INSTALL_OPTIONS) -r $(1) || \
	{ echo "$(1) could not be installed for $$($(VENV) -VV) on $$(uname -sm): see the package named above." >&2; exit 1; }
@touch $@
endef

.PHONY: help python install run demo undemo test lint messages bench load gpu lock pin-images audit sbom clean

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

python:
	@echo $(PYTHON)

install: .venv/.installed  ## make the virtual environment in .venv

run: .venv/.installed  ## start everything: database, queue, workers, web server (FACEAPP_PORT=8000)
	@exec $(VENV) manage.py up

demo: .venv/.installed-demo  ## screen real photographs (PHOTOS=folder for your own)
	@exec $(VENV) -m demo $(if $(PHOTOS),--photos "$(PHOTOS)")

undemo: .venv/.installed-demo  ## remove what `make demo` has stored
	@exec $(VENV) -m demo --remove

# A test starts many programs: they keep what they compile, whatever the environment says.
test: export PYTHONDONTWRITEBYTECODE :=
test: .venv/.installed-dev .venv/.installed-demo  ## every test (ARGS='-k name' for some)
	@$(VENV) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# The linters load the settings, which want a folder for what they generate.
lint: export FACEAPP_VAR := $(CURDIR)/var/lint
lint: .venv/.installed-dev  ## ruff, mypy, migrations, deployment checks
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy .
	$(VENV) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	FACEAPP_HTTPS=1 FACEAPP_PROXIES=1 FACEAPP_REQUIRE_MFA=1 $(VENV) manage.py check --deploy --fail-level WARNING

load: .venv/.installed-dev .venv/.installed-demo  ## measure what callers notice of each other and of kills (PHOTOS=folder)
	@$(VENV) -m bench.load "$(or $(PHOTOS),../shared/faces)"
	@exec $(VENV) -m bench.kills "$(or $(PHOTOS),../shared/faces)"

bench: .venv/.installed-dev .venv/.installed-demo  ## measure and save one table
	@exec $(VENV) -m bench

gpu: .venv/.installed-gpu  ## put ONNX Runtime for NVIDIA cards into .venv

lock: .venv/.installed  ## compile requirements*.in into requirements*.txt
	$(COMPILE) --override requirements-overrides.txt requirements.in --output-file requirements.txt
	$(COMPILE) --override requirements-overrides.txt requirements-dev.in --output-file requirements-dev.txt
	$(COMPILE) --constraint requirements.txt requirements-gpu.in --output-file requirements-gpu.txt
	$(COMPILE) --no-deps requirements-demo.in --output-file requirements-demo.txt
	$(COMPILE) requirements-build.in --output-file requirements-build.txt

pin-images: .venv/.installed  ## write the digests of the base images into the container files (REGISTRY=a mirror)
	@exec $(VENV) -m supply_chain.images $(if $(REGISTRY),--hub "$(REGISTRY)")

audit: .venv/.installed-dev  ## look the locked packages up in a database of vulnerabilities (SERVICE=pypi or osv)
	@exec $(VENV) -m supply_chain.vulnerabilities $(if $(SERVICE),--service "$(SERVICE)")

messages: .venv/.installed-dev  ## bring the catalogues of translations up to date (docs/languages.md)
	@exec $(VENV) -m languages

sbom: .venv/.installed-dev  ## write the software bill of materials to var/sbom.cdx.json
	@exec $(VENV) -m supply_chain.bom

clean:  ## remove the virtual environment and caches; your data in var/ stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache var/lint

.venv/.installed: requirements-build.txt requirements.txt sdk/pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with its venv module is needed. Install one (on Debian: apt install python3 python3-venv), or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(VENV) -c '$(SUPPORTED)' 2>/dev/null || $(PYTHON) -m venv --clear .venv
	@$(VENV) -m pip install $(LOCKED) --disable-pip-version-check -r requirements-build.txt
	$(call install,requirements.txt)
	@$(VENV) -m uv pip install $(CLIENT_OPTIONS) --python $(VENV) -e sdk || $(VENV) -m pip install $(CLIENT_OPTIONS) -e sdk

# Both wheels of ONNX Runtime have the same files: neither may be there when the other one is installed.
.venv/.installed-gpu: requirements-gpu.txt .venv/.installed
	@$(VENV) -m uv pip uninstall --quiet --python $(VENV) onnxruntime onnxruntime-gpu || \
		$(VENV) -m pip uninstall --quiet --yes onnxruntime onnxruntime-gpu
	$(call install,requirements-gpu.txt)

.venv/.installed-dev: requirements-dev.txt .venv/.installed
	$(call install,requirements-dev.txt)

.venv/.installed-demo: requirements-demo.txt .venv/.installed
	$(call install,requirements-demo.txt)
