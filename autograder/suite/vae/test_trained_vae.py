"""Hidden tests of the trained models of vae."""

from autograder.judging.rubric import worth


@worth("trained_vae", 2)
def test_trained_vae_reaches_the_likelihood_of_the_reference(trained):
    """The trained model's importance weighted bound on held-out images comes up to that of well-trained reference
    models."""
    trained("vae").judge("bound")


@worth("trained_vae", 1)
def test_trained_vae_reaches_the_elbo_of_the_reference(trained):
    """Its ELBO does so, too, so that encoder and decoder fit each other."""
    trained("vae").judge("elbo")


@worth("trained_vae", 1)
def test_trained_vae_uses_its_encoder(trained):
    """Decoding an image from the code of another one costs the ELBO dearly."""
    trained("vae").judge_encoder_use()


@worth("trained_vae", 1)
def test_trained_vae_uses_a_plausible_number_of_dimensions(trained):
    """The number of active latent dimensions is in the range of the reference models."""
    trained("vae").judge_active_units()
