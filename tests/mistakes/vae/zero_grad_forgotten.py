"""Gradients are never cleared."""

FAILS = {"train_step"}
HINT = "before the call took part"


def train_step(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item()
