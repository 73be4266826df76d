"""One step down the hill, taken alone or shared with other processes.

A batch is worked on as two shards. Who works on them, one process or two, makes no difference to any bit of
the result: each shard is computed by one thread, and the sum of two numbers knows no order. Where there is
one more processor, a third process distorts the pictures of the steps to come. Beside busy neighbours, where
two would mostly wait for the one that waits for its turn, one goes on alone for a while.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

import numpy as np

from hellodl.autograd import Program, Tensor, grad
from hellodl.autograd.memory import CACHE_LINE, Array
from hellodl.nn import DigitNet, cross_entropy
from hellodl.optim import ALL, Optimizer
from hellodl.system.lockstep import Check, Meet, Relay, beside, in_lockstep, shared_zeros
from hellodl.training.batches import Batch, Pictures
from hellodl.upright import Images

STRETCH = 64  # steps after which two processes agree whether to share the next ones
UNHINDERED = 0.6  # of its time a process computes, at least, where nobody holds it up or takes its processor
RETRY = 8  # stretches after which the other way is tried again

WORTH_SPLITTING = 32  # images in a batch: halves of fewer take as long as the whole

TARGETS = np.column_stack([np.eye(10), np.full(10, 0.1)])  # a column for each label; the last is NO_DIGIT's


def split(batch_size: int) -> list[slice]:
    """Which images of a batch each shard has."""
    if batch_size < WORTH_SPLITTING:
        return [slice(0, batch_size)]
    return [slice(0, batch_size // 2), slice(batch_size // 2, batch_size)]


class Shard:
    """Some images of every batch, and the program that computes their loss and its gradients.

    Shards' losses and gradients add up to those of the batch, since targets are scaled by a shard's share of
    it and both are proportional to the targets. `number` says which shard this is, from 0; its gradients are
    written into `gradients`, shaped like the parameters.
    """

    def __init__(
        self, net: DigitNet, pictures: Pictures, batch_size: int, number: int, gradients: Sequence[Array]
    ) -> None:
        self._net, self._pictures, self.number, self._rows = net, pictures, number, split(batch_size)[number]
        size = self._rows.stop - self._rows.start
        self._target_columns = np.asarray(TARGETS * (size / batch_size), np.float32)
        self._pixels = Tensor(np.zeros((size, 784)))
        self._targets = Tensor(np.zeros((10, size)).T)  # laid out as scores are
        self.images = np.empty((size, 784), np.uint8)
        loss, self.loss = cross_entropy(net(self._pixels), self._targets), shared_zeros(1)
        into = [self.loss.reshape(()), *gradients]
        self.program = Program(loss, *grad(loss, *net.parameters()), into=into)

    def gather(self, batch: Batch, out: Images) -> None:
        """Write our images of a batch into `out`, uint8 (size, 784)."""
        self._pictures.read(batch, self._rows, self.number, out)

    def use(self, batch: Batch, images: Images) -> None:
        """Take these images, as `gather` left them, and their labels as the program's input."""
        labels = self._pictures.labels(batch, self._rows)
        self._net.scale_pixels(images, self._pixels.value)
        np.take(self._target_columns, labels, axis=1, out=self._targets.value.T, mode="clip")

    def read(self, batch: Batch) -> None:
        """Gather our images of a batch and use them."""
        self.gather(batch, self.images)
        self.use(batch, self.images)


class Pace:
    """Finds out whether steps are quicker shared or taken alone, beside the neighbours of the moment."""

    def __init__(self) -> None:
        self.alone = False
        self.wall = self.work = 0.0  # seconds that this stretch took, and those on the processor
        self._seconds: list[float] = [0, 0]  # of a stretch shared, and alone; 0 is not known, so tried
        self._stretches = 0

    def choose(self) -> bool:
        """At the end of a stretch: whether to take the next one alone."""
        known = self._seconds[self.alone] or self.wall
        self._seconds[self.alone] = (known + self.wall) / 2  # one pause alone must not decide
        self._stretches += 1
        if self.alone or self.work < UNHINDERED * self.wall:
            is_quicker = self._seconds[True] < self._seconds[False]
            self.alone = is_quicker if self._stretches % RETRY else not self.alone
        self.wall = self.work = 0.0
        return self.alone


class Step:
    """What is done again and again: gather a batch, run the shards' programs, update the weights.

    Of the `processes` that may work, 2 share out every step, a third distorts pictures if that takes long;
    the weights come out the same bit for bit. The optimizer owns the network's weights.
    """

    def __init__(
        self, net: DigitNet, optimizer: Optimizer, pictures: Pictures, batch_size: int, processes: int = 1
    ) -> None:
        self._optimizer = optimizer
        shards = len(split(batch_size))
        self._sharing = min(processes, shards)
        self._helping = processes > self._sharing and pictures.take_long
        self._ahead: tuple[list[Relay], Check] | None = None  # what a helper made ready, shard by shard
        self._partner: tuple[int, Meet] | None = None  # which of the two we are, and how we meet
        self._alone = shared_zeros(2)  # whether one takes this stretch alone, and the next
        self._taken, self._pace = 0, Pace()  # steps inside `shared`
        self._gradients = [optimizer.gradient, optimizer.zeros()][:shards]
        self._shards = [
            Shard(net, pictures, batch_size, number, optimizer.views(gradient))
            for number, gradient in enumerate(self._gradients)
        ]
        self._take_all()

    def take(self, batch: Batch) -> float:
        """Learn from a batch; gives back the mean loss over it. Raises NonFiniteError, naming the op."""
        self._agree()
        return self._learn(batch)

    def _learn(self, batch: Batch) -> float:
        wall, work = time.perf_counter(), time.process_time()
        for shard in self._ours:
            self._read(shard, batch)
            shard.program.run()
        self._meet()
        loss = sum(float(shard.loss[0]) for shard in self._shards)  # whoever computed them
        if not math.isfinite(loss):
            for shard in self._shards:
                shard.read(batch)  # also what the other process has seen
                shard.program.check_finite()
        self._optimizer.lr = batch.lr
        for gradient in self._others:
            self._optimizer.gradient[self._part] += gradient[self._part]
        self._optimizer.update(self._part)
        self._meet()
        self._pace.wall += time.perf_counter() - wall
        self._pace.work += time.process_time() - work
        self._taken += 1
        return loss

    def _read(self, shard: Shard, batch: Batch) -> None:
        """Give a shard its images: those that the helper has made ready, if there is one."""
        if self._ahead is None:
            shard.read(batch)
        else:
            relays, check = self._ahead
            relays[shard.number].take(self._taken, partial(shard.use, batch), check)

    def _agree(self) -> None:
        """Agree, before a stretch, on who takes it, where there was one before: the first process decides."""
        if self._partner is None or self._taken % STRETCH or not self._taken:
            return
        number, meet = self._partner
        stretch = self._taken // STRETCH % 2  # by turns, as the other may not have read the last answer yet
        if number == 0:
            self._alone[stretch] = self._pace.choose()
        meet()  # who goes alone need not wait here: the other one, with nothing to do, came long ago
        self._pace.alone = bool(self._alone[stretch])
        if self._pace.alone and number == 0:
            self._take_all()
        else:
            self._share(number, meet)

    @property
    def processes(self) -> int:
        """How many processes work, those included that may help inside `shared`."""
        return self._sharing + self._helping

    @contextmanager
    def shared(self, to_come: Iterable[Batch]) -> Iterator[None]:
        """Inside, other processes help, as many as we may use and as there is work for.

        `to_come` are all batches that `take` may be given inside, in their order.
        """
        self._taken, self._pace = 0, Pace()
        with ExitStack() as company:
            if self._helping:
                with suppress(OSError):  # no process to be had
                    relays = [Relay(shard.images.shape, np.uint8) for shard in self._shards]
                    check = company.enter_context(beside(partial(self._help, to_come, relays)))
                    self._ahead = relays, check
                self._helping = self._ahead is not None
            if self._sharing > 1:
                with suppress(OSError):
                    self._share(0, company.enter_context(in_lockstep(partial(self._assist, to_come))))
                self._sharing = 1 + (self._partner is not None)
            try:
                yield
            finally:
                self._take_all()
                self._ahead = self._partner = None

    def _help(self, to_come: Iterable[Batch], relays: list[Relay], check: Check) -> None:
        """The life of the process that distorts ahead."""
        for number, batch in enumerate(to_come):
            for shard, relay in zip(self._shards, relays, strict=True):
                relay.fill(number, partial(shard.gather, batch), check)

    def _assist(self, to_come: Iterable[Batch], meet: Meet) -> None:
        """The life of the process that takes the same steps, but for those that the first takes alone."""
        self._share(1, meet)
        for batch in to_come:
            self._agree()
            if self._pace.alone:
                self._optimizer.count += 1
                self._taken += 1
            else:
                self._learn(batch)

    def _share(self, number: int, meet: Meet) -> None:
        """Do one shard's work and half of the update: of the two processes the one with this number."""
        line = CACHE_LINE // 4  # floats: two processes that write to one line slow each other down
        middle = self._optimizer.weights.size // 2 // line * line
        self._part = slice(middle, None) if number else slice(middle)
        self._ours, self._meet, self._partner = [self._shards[number]], meet, (number, meet)
        self._optimizer.gradient, *self._others = self._gradients[number], self._gradients[1 - number]

    def _take_all(self) -> None:
        """Do all the work of a step in this process."""
        self._ours, self._part, self._meet = self._shards, ALL, lambda: None
        self._optimizer.gradient, *self._others = self._gradients
