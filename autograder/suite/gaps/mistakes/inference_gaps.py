"""What is got wrong in inference_gaps; see autograder/judging/known.py for the form."""

from autograder.judging import sentences


@mistake("The first two are exchanged: the approximation gap, log p(x) - L[q*], comes first.")
def gaps_exchanged(log_p, elbo_local, elbo_amortized):
    return elbo_local - elbo_amortized, log_p - elbo_local, log_p - elbo_amortized


@mistake("All signs are turned round: the gap is what a bound lacks, positive where it is below.")
def gaps_negative(log_p, elbo_local, elbo_amortized):
    return elbo_local - log_p, elbo_amortized - elbo_local, elbo_amortized - log_p


@mistake("The gaps are averaged over the images. Keep one for every image.", also_said=["One value for every image"])
def gaps_averaged(log_p, elbo_local, elbo_amortized):
    return (log_p - elbo_local).mean(), (elbo_local - elbo_amortized).mean(), (log_p - elbo_amortized).mean()


@mistake(
    "Negative gaps are cut at zero. A small negative one is the noise of a measurement, a large one a mistake to be seen."
)
def gaps_clamped(log_p, elbo_local, elbo_amortized):
    differences = (log_p - elbo_local, elbo_local - elbo_amortized, log_p - elbo_amortized)
    return tuple(difference.clamp_min(0) for difference in differences)


@mistake("Absolute values are taken. A gap below zero is to be seen.")
def gaps_absolute(log_p, elbo_local, elbo_amortized):
    return (log_p - elbo_local).abs(), (elbo_local - elbo_amortized).abs(), (log_p - elbo_amortized).abs()


@mistake("The amortisation gap is log p(x) - L[q]. It is what the encoder lacks to the best q of its family, L[q*].")
def gaps_amortisation_from_log_p(log_p, elbo_local, elbo_amortized):
    return log_p - elbo_local, log_p - elbo_amortized, 2 * log_p - elbo_local - elbo_amortized


@mistake("", message="a tuple of 2")
def gaps_without_sum(log_p, elbo_local, elbo_amortized):
    return log_p - elbo_local, elbo_local - elbo_amortized


@mistake(sentences.IN_PLACE, kind="care")
def gaps_in_place(log_p, elbo_local, elbo_amortized):
    total, local = log_p - elbo_amortized, elbo_local - elbo_amortized
    log_p -= elbo_local
    return log_p, local, total


@mistake(sentences.PRINTED, kind="care")
def gaps_print(log_p, elbo_local, elbo_amortized):
    print(log_p - elbo_amortized)
    return true(log_p, elbo_local, elbo_amortized)


@mistake(sentences.OTHER_DTYPE, kind="care")
def gaps_in_float64(log_p, elbo_local, elbo_amortized):
    return tuple(gap.double() for gap in true(log_p, elbo_local, elbo_amortized))
