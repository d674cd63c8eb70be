"""The loss is divided by the number of images once more."""

FAILS = {"train_step"}
HINT = "averaged already"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    return loss.item() / len(x)
