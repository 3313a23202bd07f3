"""EmoBox's classifier: a small network on frozen features, Linear → ReLU → Linear.

EmoBox (Ma et al., Interspeech 2024, arXiv 2406.07162; github.com/emo-box/EmoBox, examples/sb) trains SUPERB's head
with Adam at 1e-4, batches of 32, 100 epochs, the rate rising linearly over the first 10 and falling to 0 over the
others, 256 or 128 hidden units (hparams/*.yaml and README), cross-entropy without class weights, and keeps a checkpoint
of every epoch. Taken over: all of that; to train without class weights as well, choose `none`. Ours: the head sees one
vector an utterance instead of the frames before their mean; features are standardised; the rate 1e-3 stands beside 1e-4
in the grid; the best epoch is chosen on development data alone.
"""

from dataclasses import dataclass

import numpy as np

from c2ser.probe.weights import sample_weights

HIDDEN = (128, 256)
RATES = (1e-4, 1e-3)
EPOCHS = 100
WARMUP_EPOCHS = 10
BATCH_SIZE = 32


@dataclass(frozen=True)
class Head:
    """A trained head: `classes` in order, and the torch network."""

    classes: list
    network: object

    def posteriors(self, inputs):
        """`fit_head`'s inputs → probabilities `(utterances, classes)`, float64."""
        import torch

        with torch.no_grad():
            logits = self.network([torch.from_numpy(np.ascontiguousarray(one)) for one in inputs])
        return torch.softmax(logits.double(), dim=1).numpy()

    def mixtures(self):
        """For each input the weights of its layers, which sum to 1."""
        return [weights.softmax(0).tolist() for weights in self.network.mixtures]


def fit_head(inputs, labels, hidden, rate, epochs=EPOCHS, class_weight="balanced", seed=0, watch=None):
    """Train a head.

    inputs: one standardised float32 array `(utterances, layers, width)` a feature table. Where it has several layers
    the head learns a mixture of them, weights by softmax from equal ones, as SUPERB does (Yang et al., Interspeech
    2021); the tables are then joined. labels: class names, one an utterance. epochs: how many of the schedule's
    `EPOCHS` are trained. watch: called with the `Head` after each epoch.
    Returns the `Head`. The seed decides the initial weights and the order; nothing else of torch's state is touched.
    """
    import torch

    classes = sorted(set(labels))
    position = {label: number for number, label in enumerate(classes)}
    target = torch.tensor([position[label] for label in labels])
    weight = torch.from_numpy(sample_weights(labels, class_weight)).float()
    inputs = [torch.from_numpy(np.ascontiguousarray(one)) for one in inputs]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network([one.shape[1:] for one in inputs], hidden, len(classes))
        head = Head(classes, network)
        optimiser = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
        for epoch in range(epochs):
            for group in optimiser.param_groups:
                group["lr"] = rate * schedule(epoch)
            for rows in torch.randperm(len(target)).split(BATCH_SIZE):
                losses = torch.nn.functional.cross_entropy(
                    network([one[rows] for one in inputs]), target[rows], reduction="none"
                )
                optimiser.zero_grad()
                (losses * weight[rows]).mean().backward()
                optimiser.step()
            if watch is not None:
                watch(head)
    return head


def schedule(epoch):
    """Factor of the learning rate in an epoch counted from 0: up to 1 over the warm-up, then down to near 0."""
    if epoch < WARMUP_EPOCHS:
        return (epoch + 1) / WARMUP_EPOCHS
    return (EPOCHS - epoch) / (EPOCHS - WARMUP_EPOCHS)


def build_network(shapes, hidden, classes):
    """The network for inputs of the given (layers, width), randomly initialised."""
    import torch

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.mixtures = torch.nn.ParameterList(torch.nn.Parameter(torch.zeros(layers)) for layers, _ in shapes)
            self.first = torch.nn.Linear(sum(width for _, width in shapes), hidden)
            self.second = torch.nn.Linear(hidden, classes)

        def forward(self, inputs):
            """[`(batch, layers, width)`, …] → logits `(batch, classes)`."""
            mixed = [
                torch.einsum("blw,l->bw", one, weights.softmax(0)) if len(weights) > 1 else one[:, 0]
                for one, weights in zip(inputs, self.mixtures)
            ]
            return self.second(torch.relu(self.first(torch.cat(mixed, dim=1))))

    return Network()
