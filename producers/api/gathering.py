"""Questions that come at the same time are answered together: one trip to the store for many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
        self._waiting: deque[tuple[Question, asyncio.Future[Answer]]] = deque()
        self._runs: asyncio.Task[None] | None = None

    async def ask(self, question: Question, seconds: float) -> Answer:
        """The answer. Raises TimeoutError when it takes longer, and as the answering does.

        A question that nobody waits for any more is not asked, unless it is being answered.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._runs is None:
            self._runs = asyncio.ensure_future(self._run())
        return await asyncio.wait_for(future, seconds)

    async def _run(self) -> None:
        try:
            while asked := self._next():
                await self._answer_together(asked)
        finally:
            self._runs = None

    def _next(self) -> list[tuple[Question, asyncio.Future[Answer]]]:
        asked: list[tuple[Question, asyncio.Future[Answer]]] = []
        while self._waiting and len(asked) < MOST:
            question, future = self._waiting.popleft()
            if not future.done():
                asked.append((question, future))
        return asked

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
