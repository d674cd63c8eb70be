"""The loss is returned as a tensor, and its graph with it."""

FAILS = {"train_step"}
HINT = "method that gives the number"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss
