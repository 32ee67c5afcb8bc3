# Everything that is run in this checkout goes through here. A fresh Debian or Ubuntu needs git, make and Python 3.11 or newer.
#   make PYTHON=/usr/bin/python3.12 …    makes .venv with that Python instead of the first that serves

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
export PYTHON INVENTORY

.DEFAULT_GOAL := help
.PHONY: help setup debian venv drift test lint types unit lab-test lab-upgrade lab-nights kernel-test score sanity bench lock clean distclean

help: ## say what there is
	@sed -En 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

setup: debian venv ## .venv with everything in it; as root also the Debian packages (no time when they are there)

debian:
	@.ci/setup-debian

venv: debian
	@.ci/setup-venv

drift: setup ## gather the nodes of INVENTORY=… (without it: of nodes made for the purpose) and show what drifted
	@.ci/drift

test: setup ## every check there is
	@.ci/checks

lint: setup ## style of Python, YAML, shell; Ansible's own linters
	@.ci/checks ruff format yamllint shellcheck ansible-lint docs changelog

types: setup ## mypy
	@.ci/checks mypy

unit: setup ## the tests that need neither root nor a kernel
	@.venv/bin/python -m pytest -m "not lab"

lab-test: setup ## the tests on a real kernel, as root
	@.venv/bin/python -m pytest -m lab

lab-upgrade: setup ## as root: a change in three batches by the shipped playbook, clean, with a straggler, failing half way, ended half way
	@.venv/bin/python -m pytest -v tests/lab/test_upgrade_e2e.py tests/lab/test_upgrade_run.py

lab-nights: setup ## as root: seven nights of a cluster, and who is told what
	@.venv/bin/python -m pytest -v tests/lab/test_nights_e2e.py

kernel-test: setup ## WireGuard, dual stack and other kinds of links on Debian's kernel under qemu; two minutes, root not needed
	@.ci/setup-kernel
	@.venv/bin/python -m pytest tests/kernel

score: setup ## score check, diff and other tools on the scenarios of tests/scenarios (docs/score.md)
	@tests/scenarios/install-peers
	@.venv/bin/python tests/scenarios/score.py

sanity: setup ## ansible-test sanity and, on Python 3.8, its unit tests
	@.ci/checks sanity units

bench: setup ## time reading and comparing against the least that could be done; BENCH=… are options
	@.venv/bin/python benchmarks/run.py $(BENCH)

lock: setup ## write requirements/*.txt anew, with the newest of everything
	@.ci/lock

clean: ## all that the checks leave behind
	@rm -rf build dist .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

distclean: clean ## .venv too
	@rm -rf .venv
