"""Discriminative learning rates: the lower a block lies in the encoder, the smaller are its steps.

Howard and Ruder, ACL 2018, arXiv:1801.06146, section 3.2. What low blocks know is of use to any task, and few labels
shouldn't undo it.
"""

import keras

from .. import training
from .encoders import blocks


def rate_factors(encoder, factor):
    """{layer's name: its multiple of the learning rate}: `factor` for the top block, its square for the next, ...

    A layer belongs to the first block that ends at it or after it; layers after the last block belong to that one.
    """
    order = [layer.name for layer in encoder.layers]
    ends = [order.index(name) for name in blocks(encoder)]
    return {name: factor ** max(1, sum(end >= place for end in ends)) for place, name in enumerate(order)}


def by_depth(network, plan, steps):
    """The plan's optimizer for a network of an "encoder" and a head, each block at its own multiple of the rate."""
    encoder = network.get_layer("encoder")
    factors = rate_factors(encoder, plan.depth_factor)
    # By identity: names of variables repeat.
    factor_of = {id(v): factors[layer.name] for layer in encoder.layers for v in layer.trainable_variables}
    groups = {}
    for variable in network.trainable_variables:
        groups.setdefault(factor_of.get(id(variable), 1.0), []).append(variable)
    return ByGroup(
        plan.learning_rate,
        [
            (training.make_optimizer(plan.replace(learning_rate=plan.learning_rate * factor), steps), variables)
            for factor, variables in groups.items()
        ],
    )


class ByGroup(keras.optimizers.Optimizer):
    """Several optimizers as one: each moves variables of its own, and its weight decay goes by its own rate.

    groups: pairs (keras.Optimizer, its variables), which together are all that train. learning_rate: what it says of
        itself; no variable moves by it. Keras has its like, MultiOptimizer, from 3.15 on only.
    """

    def __init__(self, learning_rate, groups):
        super().__init__(learning_rate)
        self.groups = groups

    def build(self, variables):
        super().build(variables)
        for optimizer, own in self.groups:
            optimizer.build(own)

    def apply(self, grads, trainable_variables=None):
        variables = self._trainable_variables if trainable_variables is None else trainable_variables
        found = {id(variable): gradient for variable, gradient in zip(variables, grads, strict=True)}
        for optimizer, own in self.groups:
            optimizer.apply([found[id(variable)] for variable in own], own)
        self.iterations.assign_add(1)
