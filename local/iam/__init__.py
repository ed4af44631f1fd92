"""IAM as AWS decides it, for what our functions call: strict, so that a policy never passes by accident.

`policy` evaluates documents, `operations` and `requests` say what AWS would check for a call, `enforcer` does so
before a call of one of our functions is sent. What is not known here is refused with `CannotEvaluate`, never guessed.
"""


class CannotEvaluate(Exception):
    """A policy or call holds something that this evaluator does not know; no answer of AWS looks like it."""
