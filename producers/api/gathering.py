"""Questions that come at the same time are answered together: one trip to the store for many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Generic, TypeVar

Question = TypeVar("Question")
Answer = TypeVar("Answer")

MOST = 64
"""Questions answered together: a large one must not keep very many others waiting."""


class Gathering(Generic[Question, Answer]):
    """Belongs to one event loop. While a thread answers, the next questions gather."""

    def __init__(
        self,
        answer: Callable[[Sequence[Question]], Sequence[Answer]],
        threads: ThreadPoolExecutor,
    ) -> None:
        self._answer = answer
        self._threads = threads
        self._waiting: dict[asyncio.Future[Answer], Question] = {}
        self._runs: asyncio.Task[None] | None = None

    async def ask(self, question: Question, seconds: float) -> Answer:
        """The answer. Raises TimeoutError when it takes longer, and as the answering does.

        A question that nobody waits for any more is forgotten, unless it is being answered.
        """
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[future] = question
        if self._runs is None:
            self._runs = asyncio.ensure_future(self._run())
        try:
            return await asyncio.wait_for(future, seconds)
        finally:
            # While a thread hangs nobody takes it from here, and it may be large.
            self._waiting.pop(future, None)

    async def _run(self) -> None:
        try:
            while asked := self._next():
                await self._answer_together(asked)
        finally:
            self._runs = None

    def _next(self) -> list[tuple[Question, asyncio.Future[Answer]]]:
        futures = list(islice(self._waiting, MOST))
        return [(self._waiting.pop(future), future) for future in futures]

    async def _answer_together(self, asked: list[tuple[Question, asyncio.Future[Answer]]]) -> None:
        loop = asyncio.get_running_loop()
        try:
            questions = [question for question, _ in asked]
            answers = await loop.run_in_executor(self._threads, self._answer, questions)
        except Exception as error:
            for _, future in asked:
                if not future.done():
                    future.set_exception(error)
        else:
            for (_, future), answer in zip(asked, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
