"""A memo for questions to a join: asked again before either log has grown, they are answered from it. Pure to see.

Lives here: `remembered`. Not here: the questions (`chair` and the slices' views).

Views are functions of the joint state alone, and a page asks the same of it many times over: whose seal is on a
text, when a talk begins. A verdict never changes and an answer only with the logs, so their sizes tell when to
forget. The memo is gone with its join.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from visavis.dialogue.join import Joint

MAX_ANSWERS = 50_000

P = ParamSpec("P")
T = TypeVar("T")

_Known = tuple[tuple[int, int], dict[Any, Any]]
_memos: WeakKeyDictionary[Joint, _Known] = WeakKeyDictionary()


def remembered(question: Callable[Concatenate[Joint, P], T]) -> Callable[Concatenate[Joint, P], T]:
    """Answer `question(joint, …)` once for each state of the join. Arguments are hashable, answers frozen."""

    @wraps(question)
    def ask(joint: Joint, /, *args: P.args, **kwargs: P.kwargs) -> T:
        size = (len(joint.verdicts[0]), len(joint.verdicts[1]))
        known = _memos.get(joint)
        if known is None or known[0] != size:
            known = _memos[joint] = (size, {})
        at = (question, args, tuple(kwargs.items()))
        answers = known[1]
        if at not in answers:
            if len(answers) >= MAX_ANSWERS:  # asked of ids that are none, over and over
                answers.clear()
            answers[at] = question(joint, *args, **kwargs)
        answer: T = answers[at]
        return answer

    return ask
