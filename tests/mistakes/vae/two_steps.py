"""The optimizer takes two steps with one gradient."""

FAILS = {"train_step"}
HINT = "two steps"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    optimizer.step()
    return loss.item()
