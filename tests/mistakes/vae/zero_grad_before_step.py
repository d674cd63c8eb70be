"""Gradients are cleared between the backward pass and the step."""

FAILS = {"train_step"}
HINT = "does the optimizer take a step"


def train_step(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()
