"""How Kinora's bundled model is made: a rendered picture-book world, a video autoencoder, a Wan-type transformer, a judge."""
