"""The model is put into evaluation mode."""

FAILS = {"log_weights"}
HINT = "stay in force"


right_log_weights = log_weights


def log_weights(model, x, eps):
    model.decoder.eval()
    return right_log_weights(model, x, eps)
