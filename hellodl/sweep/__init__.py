"""Many trainings with different settings, each with several seeds, compared on the images held out."""
