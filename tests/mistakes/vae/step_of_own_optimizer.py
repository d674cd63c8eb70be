"""The step is one of plain gradient descent, whatever the optimizer is."""

FAILS = {"train_step"}
HINT = "made inside the function"


def train_step(model, optimizer, x):
    model.train()
    optimizer.zero_grad()
    loss = model(x)
    loss.backward()
    torch.optim.SGD(model.parameters(), lr=optimizer.param_groups[0]["lr"]).step()
    return loss.item()
