"""The words of the service's GraphQL library: clients match on its messages and its codes."""

import re

from graphql import GraphQLError


def in_the_service_s_words(error: GraphQLError) -> GraphQLError:
    """A fault found in a document, as the service tells it; the rarest keep our library's words."""
    for pattern, message, code in _WORDS:
        if found := pattern.match(error.message):
            told = message.format(*found.groups("anonymous query"))
            return GraphQLError(told, nodes=error.nodes, extensions={"code": code})
    return error


_WORDS = tuple(
    (re.compile(pattern), message, code)
    for pattern, message, code in (
        (
            r"Cannot query field '(\w+)' on type '(\w+)'",
            "Field '{0}' doesn't exist on type '{1}'",
            "undefinedField",
        ),
        (
            r"Unknown argument '(\w+)' on field '\w+\.(\w+)'",
            "Field '{1}' doesn't accept argument '{0}'",
            "argumentNotAccepted",
        ),
        (
            r"Argument '\w+\.(\w+)\((\w+):\)' of type .* is required",
            "Field '{0}' is missing required arguments: {1}",
            "missingRequiredArguments",
        ),
        (
            r"Field '(\w+)' argument '(\w+)' of type .* is required",  # graphql-core 3.2
            "Field '{0}' is missing required arguments: {1}",
            "missingRequiredArguments",
        ),
        (
            r"Fragment '(\w+)' is never used",
            "Fragment {0} was defined, but not used",
            "useAndDefineFragment",
        ),
        (
            r"Unknown fragment '(\w+)'",
            "Fragment {0} was used, but not defined",
            "useAndDefineFragment",
        ),
        (
            r"Variable '\$(\w+)' is never used(?: in operation '(\w+)')?",
            "Variable ${0} is declared by {1} but not used",
            "variableNotUsed",
        ),
        (
            r"Variable '\$(\w+)' is not defined(?: by operation '(\w+)')?",
            "Variable ${0} is used by {1} but not declared",
            "variableNotDefined",
        ),
        (
            r"Unknown type '(\w+)'",
            "No such type {0}, so it can't be a fragment condition",
            "undefinedType",
        ),
        (
            r"Field '(\w+)' of type '(\S+)' must have a selection of subfields",
            "Field must have selections (field '{0}' returns {1} but has no selections)",
            "selectionMismatch",
        ),
    )
)
"""What graphql-core says, what the service says instead, and with which code."""
