# Two commands set everything up on a fresh machine: `make demo` and `make test`.
.PHONY: install demo test
python = .venv/bin/python

install:
	bash tools/install.sh

demo: install
	egs/polish/c2ser1/run.sh

test:
	bash tools/install.sh --test
	$(python) -m pytest -q $(PYTEST_ARGS)
