# Two commands set everything up on a fresh machine: `make demo` and `make test`.
.PHONY: install demo test
python = .venv/bin/python

install:
	bash tools/install.sh

demo: install
	egs/polish/c2ser1/run.sh

# Workers of one thread each; a file's tests stay together, so that what they share is made once. Their order is random;
# PYTEST_ARGS="--randomly-seed=N" repeats one: the last lines name its seed.
TEST_WORKERS ?= 2
test:
	bash tools/install.sh --test
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(python) -m pytest -n $(TEST_WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)
