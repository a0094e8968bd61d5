# The commands of this project. `make help` lists them.
# Needed on the machine: make, a C++ compiler and Python 3.12 (tools/find_python.sh looks in the usual places).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test test-services test-hummingbot-api test-versions check unit coverage bench soak lock clean env clients screenshots

UV_VERSION := 0.13.8
ENV := .venv
BIN := $(ENV)/bin
CACHE := $(or $(HUMMINGBOT_EXTENDED_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/hummingbot-extended)
export HUMMINGBOT_EXTENDED_CACHE := $(CACHE)
# uv brings certificates of its own; behind a proxy only the machine's know the index.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= 1
endif

# Supported beside the release in requirements.lock (hummingbot_extended/installer/hummingbot_folder.py).
OTHER_RELEASES := 20260901 20260729
LOCK := --quiet --no-header --universal --python-version 3.12 --extra dev

SECONDS ?= 60
BOOK ?=
WORKERS ?= 2
MINUTES ?= 2

help:  ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

# --- the environment: uv, Python 3.12, Hummingbot's wheel, the pinned packages -------------------------------------

.tools/python:
	@mkdir -p .tools
	@command -v g++ >/dev/null || command -v clang++ >/dev/null || command -v c++ >/dev/null || \
	  { echo "hummingbot-extended: no C++ compiler was found; Hummingbot comes as source. Install one: apt install g++" >&2; exit 1; }
	@python=$$(PYTHON="$(PYTHON)" tools/find_python.sh) && ln -sfn "$$python" .tools/python && echo "Python 3.12: $$python"

# uv from PATH, or a pinned one of our own. A link, so that every recipe and test finds it in one place.
.tools/uv: .tools/python
	@if command -v uv >/dev/null; then ln -sfn "$$(command -v uv)" $@; else \
	  echo "installing uv $(UV_VERSION) into .tools" && \
	  $$(readlink .tools/python) -m venv .tools/uv-env && \
	  { .tools/uv-env/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || \
	    { echo "hummingbot-extended: pip could not install uv; the first run needs the network" >&2; exit 1; }; } && \
	  ln -sfn uv-env/bin/uv $@; fi

$(ENV)/.complete: requirements.lock setup.py tools/hummingbot_wheel.py tools/hummingbot-build.lock | .tools/uv
	@links=$$($$(readlink .tools/python) tools/hummingbot_wheel.py --uv "$$PWD/.tools/uv" --python "$$(readlink .tools/python)") && \
	  .tools/uv venv --quiet --clear --python "$$(readlink .tools/python)" $(ENV) && \
	  echo "installing the pinned packages" && \
	  .tools/uv pip install --quiet --python $(BIN)/python --find-links "$$links" --only-binary hummingbot -r requirements.lock && \
	  .tools/uv pip install --quiet --python $(BIN)/python --no-deps --editable . && touch $@

env: $(ENV)/.complete

# One environment for each other release of Hummingbot that is supported.
.venv-hummingbot-%/.complete: test/hummingbots/%.lock setup.py tools/hummingbot_wheel.py | .tools/uv
	@links=$$($$(readlink .tools/python) tools/hummingbot_wheel.py --uv "$$PWD/.tools/uv" \
	    --python "$$(readlink .tools/python)" --release $*) && \
	  .tools/uv venv --quiet --clear --python "$$(readlink .tools/python)" .venv-hummingbot-$* && \
	  echo "installing the pinned packages of Hummingbot $*" && \
	  .tools/uv pip install --quiet --python .venv-hummingbot-$*/bin/python --find-links "$$links" \
	    --only-binary hummingbot -r $< && \
	  .tools/uv pip install --quiet --python .venv-hummingbot-$*/bin/python --no-deps --editable . && touch $@

# The official SDK and ccxt need package versions of their own: they are clients in environments of their own.
.venv-%/.complete: test/clients/%.lock | .tools/uv
	@.tools/uv venv --quiet --clear --python "$$(readlink .tools/python)" .venv-$* && \
	  echo "installing the $* client" && \
	  .tools/uv pip install --quiet --compile-bytecode --python .venv-$*/bin/python -r $< && touch $@

clients: .venv-sdk/.complete .venv-ccxt/.complete

# --- what people call ------------------------------------------------------------------------------------------------

install:  ## add the connector to your own Hummingbot: make install PYTHON=… [HUMMINGBOT_DIR=…]
	@python="$(or $(PYTHON),python3)"; $$python -m pip install --quiet . && \
	  $$python -m hummingbot_extended install $(if $(HUMMINGBOT_DIR),--hummingbot-dir "$(HUMMINGBOT_DIR)")

demo: env  ## an unmodified Hummingbot trades on the practice venue: make demo [SECONDS=60] [BOOK=file]
	@$(BIN)/hummingbot-extended demo --seconds $(SECONDS) $(if $(BOOK),--book "$(BOOK)")

test: check unit  ## everything that needs no service: lint, types, layers, tests, coverage

check: env  ## format, lint, types and layers
	@$(BIN)/ruff format --check --quiet . && $(BIN)/ruff check --quiet . && $(BIN)/hadolint Dockerfile && echo "format and lint: ok"
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports --no-logo 2>/dev/null || PYTHONPATH=. $(BIN)/lint-imports

# What fails is run once more by itself: thousands of tests over real sockets and clocks share two cores. A second
# failure fails the command; the output says which tests needed the second run.
unit: env clients
	@$(BIN)/coverage erase
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m "not services and not hummingbot_api" --cov --cov-report= $(PYTEST) || \
	  { [ $$? -eq 1 ] && echo "running what failed once more, by itself" && \
	    $(BIN)/python -m pytest --last-failed --last-failed-no-failures none -m "not services and not hummingbot_api" --cov --cov-append --cov-report= $(PYTEST); }
	@$(BIN)/coverage report --skip-covered --skip-empty --precision 1 --fail-under 95

test-services: env  ## the tests that need Debian's services; installs them (root), fails when one is absent
	@tools/services.sh
	@$(BIN)/python -m pytest -m services --timeout 180 $(PYTEST)

# Not in .PHONY, because a pattern rule never makes a phony target.
test-hummingbot-%: .venv-hummingbot-%/.complete
	@echo "Hummingbot $*" && .venv-hummingbot-$*/bin/python -m pytest -n $(WORKERS) --dist worksteal \
	  -m "not services and not clients and not hummingbot_api" $(or $(PYTEST),test/connector test/install test/demo test/e2e)

test-versions: $(OTHER_RELEASES:%=test-hummingbot-%)  ## connector, installation and strategies on every other supported Hummingbot

# The environment of a hummingbot-api: what its checkout asks for, Hummingbot, and our connector installed into it. A
# build/ of before would bring modules along that are gone.
test-hummingbot-api: env  ## the examples through the real hummingbot-api: HUMMINGBOT_API_DIR=<its checkout>
	@$(BIN)/python -m test.hummingbot_api.stack "$(HUMMINGBOT_API_DIR)"
	@tools/services.sh mosquitto postgresql
	@links=$$($(BIN)/python tools/hummingbot_wheel.py --uv "$$PWD/.tools/uv" --python "$$(readlink .tools/python)") && \
	  .tools/uv venv --quiet --clear --python "$$(readlink .tools/python)" .venv-hummingbot-api && \
	  echo "installing what hummingbot-api needs" && \
	  rm -rf build && \
	  $(BIN)/python tools/hummingbot_api_requirements.py "$(HUMMINGBOT_API_DIR)" > .venv-hummingbot-api/requirements.txt && \
	  .tools/uv pip install --quiet --python .venv-hummingbot-api/bin/python --find-links "$$links" --only-binary hummingbot \
	    -r .venv-hummingbot-api/requirements.txt hummingbot . && \
	  .venv-hummingbot-api/bin/hummingbot-extended install
	@HUMMINGBOT_API_DIR="$(HUMMINGBOT_API_DIR)" $(BIN)/python -m pytest -m hummingbot_api --timeout 900 test/hummingbot_api $(PYTEST)

bench: env  ## every figure a ratio measured side by side: make bench [QUICK=1]
	@$(BIN)/python -m bench $(if $(QUICK),--quick)

screenshots: env  ## make the pictures of the hub's page in docs/images anew, from a run of the demo; needs chromium
	@$(BIN)/python -m tools.hub_screenshots

soak: env  ## streams under faults, nothing may be lost: make soak [MINUTES=2]
	@$(BIN)/python -m bench.soak --minutes $(MINUTES)

lock: | .tools/uv  ## pin every dependency anew
	@.tools/uv pip compile $(LOCK) --upgrade setup.py -o requirements.lock
	@$(foreach release,$(OTHER_RELEASES),cp requirements.lock test/hummingbots/$(release).lock && \
	  links=$$($$(readlink .tools/python) tools/hummingbot_wheel.py --uv "$$PWD/.tools/uv" \
	    --python "$$(readlink .tools/python)" --release $(release)) && \
	  .tools/uv pip compile $(LOCK) --find-links "$$links" --only-binary hummingbot \
	    --override <(echo hummingbot==$(release)) setup.py -o test/hummingbots/$(release).lock &&) true

clean:  ## remove environments and caches of this checkout
	@rm -rf .venv .venv-* .tools .demo build dist *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
