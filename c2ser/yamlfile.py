"""YAML as others may have written it: plain values alone, and never more of them than a person would write."""

import yaml

MOST = 1_000_000
"""Values of one document, what its aliases stand for counted at each of their places."""


def parse_yaml(text):
    """The content of a YAML text: dicts, lists, strings, numbers, dates.

    Raises yaml.YAMLError for what is none, tags of other objects, impossible dates, nesting that no one writes, and
    aliases that unfold into more than `MOST` values or hold themselves.
    """
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        if _count(root, {}) > MOST:
            raise yaml.YAMLError(f"its aliases unfold into more than {MOST:,} values")
        return loader.construct_document(root)
    except (RecursionError, ValueError) as error:
        raise yaml.YAMLError(f"nested too deeply: {error}" if isinstance(error, RecursionError) else str(error)) from None
    finally:
        loader.dispose()


def _count(node, known):
    """How many values a node is, itself included; known: node → that number, too many for one that is being counted."""
    if id(node) not in known:
        known[id(node)] = MOST + 1
        inner = node.value if not isinstance(node, yaml.ScalarNode) else ()
        pairs = isinstance(node, yaml.MappingNode)
        known[id(node)] = 1 + sum(_count(one, known) for part in inner for one in (part if pairs else (part,)))
    return known[id(node)]
