"""What is got wrong in normalized_weights; see autograder/judging/known.py for the form."""

from autograder.judging.mistakes import SAID


@mistake(SAID["detached"])
def shares_detached(log_w):
    return torch.softmax(log_w, 0).detach()


@mistake("These are the logarithms of the shares.")
def shares_logarithmic(log_w):
    return torch.log_softmax(log_w, 0)


@mistake("exp(-10,000) rounds to zero and exp(10,000) to infinity: take the largest out before the exponentials.")
def shares_not_shifted(log_w):
    return torch.exp(log_w) / torch.exp(log_w).sum(0)


@mistake("The log weights are divided by their sum: take the exponentials first.")
def shares_of_logarithms(log_w):
    return log_w / log_w.sum(0)


@mistake("All weights of the batch share one sum. It is the samples of one image that share the sum.")
def shares_over_all(log_w):
    return torch.softmax(log_w.flatten(), 0).reshape(log_w.shape)


@mistake(
    "The weights sum to one over the images. It is the samples of one image that share the sum.",
    keeps={"normalized_weights": (0.1, 0.5)},
)
def shares_over_images(log_w):
    return torch.softmax(log_w, -1)


@mistake(SAID["printed"])
def shares_print(log_w):
    print("shares")
    return torch.softmax(log_w, 0)


@mistake("The largest weight of an image is one: these are not divided by their sum yet.")
def shares_scaled_only(log_w):
    return torch.exp(log_w - log_w.amax(0))
