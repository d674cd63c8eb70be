# One word each. `make setup` makes .venv once, from the exact versions in requirements.lock; every other word builds on it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/ready
DOCS := .venv/docs-ready
# the sandbox that the course names; the tests need both
PACKAGES = $(filter bubblewrap,$(or $(COURSE_SANDBOX),$(shell sed -n 's/^ *sandbox="\([a-z]*\)".*/\1/p' course_config.py)))
export OMP_NUM_THREADS ?= 1

.PHONY: help system setup demo test unit suites attacks hints check release reference grade bench doctor docs
help: ## say what each word does
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

setup: system $(STAMP) ## install what the system lacks (as root, else say what), and make the virtual environment
demo test attacks: system
test: PACKAGES = bubblewrap chromium
system:
	@sh system.sh $(PYTHON) $(PACKAGES)
$(STAMP): requirements.lock pyproject.toml | system
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## release, grade a small class, write feedback and grades, on the embedded data
	$(BIN)/python -m demo

test: $(STAMP) ## the tests of the kit, with a third of the known mistakes; EVERYTHING=1: with all, each asked every hidden test, and twenty secrets
	SUITES=$(if $(EVERYTHING),everything,sample) $(BIN)/python -m pytest -n 2 --dist loadgroup

unit: $(STAMP) ## the quick tests: no kernel, no browser, no training, no hidden suite
	$(BIN)/python -m pytest -n 2 --dist load -m "not slow and not suite" --ignore tests/test_suites.py

suites: $(STAMP) ## the hidden suites against all right and wrong solutions; A=iwae E=log_likelihood: of one assignment, of one exercise
	SUITES_ASSIGNMENT=$(A) SUITES_EXERCISE=$(E) $(BIN)/python -m pytest -n 2 --dist load tests/test_suites.py tests/test_visible.py

attacks: $(STAMP) ## grade the corpus of attacks, an honest submission after each, and print what was held
	$(BIN)/python -m tests.attacks

hints: $(STAMP) ## count what students are told about the known mistakes: true and false hints
	$(BIN)/python -m tests.hints

check: $(STAMP) ## lint and format of modules and notebooks, types of the walls, and doctests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest --doctest-modules -q lab autograder/judging/expect.py autograder/judging/oracles.py autograder/judging/statistics.py autograder/kernel/wire.py autograder/reporting/display.py autograder/reporting/mathematics.py autograder/text.py

release: $(STAMP) ## make release/ from source/
	@for a in $$($(BIN)/python -m autograder assignments); do $(BIN)/nbgrader generate_assignment $$a --force --create || exit 1; done

reference: $(STAMP) ## make solutions/ from source/: modules, executed notebooks, reference runs
	$(BIN)/python -m autograder reference

grade: $(STAMP) ## grade what lies in submitted/ for ASSIGNMENT (vae where none is named), and print the table
	$(BIN)/nbgrader autograde $(or $(ASSIGNMENT),vae)
	$(BIN)/python -m autograder grades $(or $(ASSIGNMENT),vae)

bench: $(STAMP) ## training speed and the sandbox's cost, as ratios in one run
	$(BIN)/python -m bench

doctor: $(STAMP) ## say what grading needs and what is missing
	$(BIN)/python -m autograder doctor

# not --quiet, with which warnings would not stop it
docs: $(DOCS) ## make site/ from docs/, as pages to read in a browser
	@NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build
	@echo "made site/index.html"
$(DOCS): $(STAMP) pyproject.toml
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --no-build-isolation --editable '.[docs]'
	@touch $@
