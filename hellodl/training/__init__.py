"""From data to a trained model: settings, batches, distortions, one step, the loop, the whole run."""
