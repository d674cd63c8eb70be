"""The loss of every step is printed."""

FAILS = {"train_step"}
HINT = "Remove print calls"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    optimizer.step()
    print(loss.item())
    return loss.item()
