"""Gradients are cleared after the step, so those of an earlier backward pass take part."""

FAILS = {"train_step"}
HINT = "before the call took part"


def train_step(model, optimizer, x):
    model.train()
    loss = model(x)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()
