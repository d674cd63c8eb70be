"""Hidden tests of the trained models of priors."""

from autograder.judging.rubric import worth
from autograder.suite.asking import judge


@worth("trained_prior")
def test_trained_model_with_the_mixture_prior(trained):
    """vae_mixture reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("vae_mixture"))


@worth("trained_prior")
def test_trained_model_with_the_flow_prior(trained):
    """vae_flow reaches the bound and the ELBO of the reference models on held-out images, and uses its encoder."""
    judge(trained("vae_flow"))
