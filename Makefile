# Two commands are enough: `make run` serves, `make test` tests. Each sets up what it needs.
VENV ?= .venv
BIN = $(VENV)/bin

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/ready  ## set up and serve on http://localhost:8000 (make run PORT=9000 for another port)
	@$(BIN)/flask --app wsgi db upgrade
	@exec $(BIN)/gunicorn

dev: $(VENV)/ready  ## like run, and reload the code on each save (restart for settings and gunicorn.conf.py)
	@$(BIN)/flask --app wsgi db upgrade
	@exec $(BIN)/gunicorn --reload $(foreach file,$(shell find chat/web -name '*.html' -o -name '*.css' -o -name '*.js'),--reload-extra-file $(file))

test: $(VENV)/ready-dev  ## set up and run every test
	@scripts/chromium
	@scripts/strace
	@scripts/nginx
	@scripts/postgresql
	@scripts/redis
	@$(BIN)/pytest $(ARGS)

test-postgres: $(VENV)/ready-dev  ## run the tests that touch storage on PostgreSQL, by a private server
	@scripts/postgresql
	@scripts/redis
	@$(BIN)/pytest --database postgresql $(or $(ARGS),tests/unit tests/contract tests/property tests/tcp tests/integration)

property: $(VENV)/ready-dev  ## try twenty times as many examples of the property tests as `make test` does
	@scripts/postgresql
	@$(BIN)/pytest --examples 20 --timeout 0 $(or $(ARGS),tests/property)

lint: $(VENV)/ready-dev  ## check style, types, and import directions; the page too, where npm is
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	scripts/lint-page

format: $(VENV)/ready-dev  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

hosts: $(VENV)/ready-dev  ## play several hosts by network namespaces (as root): cut each of them, and check that nothing is lost
	@scripts/nginx
	@scripts/postgresql
	@scripts/redis
	@unshare --net --mount --propagation private sh -c 'ip link set lo up && exec "$$@"' sh \
		$(BIN)/pytest -n 0 $(or $(ARGS),-q) tests/integration/hosts_play.py tests/integration/upgrade_play.py

checks: $(VENV)/ready-dev  ## the acceptance checks of several processes in full, some 15 minutes (docs/testing.md has the results)
	@scripts/postgresql
	@scripts/redis
	@COMMONROOM_CHECKS=full $(BIN)/pytest -n 0 --timeout 900 -m acceptance $(or $(ARGS),tests/unit tests/integration/test_leftovers.py tests/acceptance/*_check.py)

bench: $(VENV)-bench/ready  ## measure beside two baselines, and write docs/performance.md (make bench ARGS=--quick only prints)
	@$(VENV)-bench/bin/python -m bench $(or $(ARGS),--write docs/performance.md)

bench-scale: $(VENV)/ready  ## measure 1, 2 and 4 workers on SQLite, PostgreSQL and Redis, direct and through nginx, into docs/performance.md
	@scripts/nginx
	@scripts/postgresql
	@scripts/redis
	@$(BIN)/python -m bench.scale $(or $(ARGS),--write docs/performance.md)

conformance: $(VENV)-conformance/ready  ## run published suites and clients of all kinds, and write docs/conformance.md
	@scripts/chromium
	@scripts/npm conformance/foreign
	@$(VENV)-conformance/bin/python -m conformance $(or $(ARGS),--write docs/conformance.md)

$(VENV)-conformance/ready: requirements-conformance.txt requirements-dev.txt requirements.txt
	@scripts/venv $(VENV)-conformance $<
	@touch $@

attack: $(VENV)/ready  ## attack a server while a class chats, half an hour (make attack ARGS="--seconds 5" only prints)
	@$(BIN)/python -m bench.attack $(or $(ARGS),--write docs/security.md)

lesson: $(VENV)/ready  ## play a lesson of 60 pupils against a server of its own, from the roster to the archived room
	@$(BIN)/python -m bench.lesson $(ARGS)

$(VENV)-bench/ready: requirements-bench.txt requirements.txt
	@scripts/venv $(VENV)-bench $<
	@touch $@

$(VENV)/ready: requirements.txt
	@scripts/venv $(VENV) $<
	@touch $@

$(VENV)/ready-dev: requirements-dev.txt requirements.txt
	@scripts/venv $(VENV) $<
	@touch $@ $(VENV)/ready

.PHONY: help run dev test test-postgres property hosts checks lint format bench bench-scale conformance attack lesson
.DEFAULT_GOAL := help
