"""From any picture to the digits in it: load, find ink, take pieces apart, normalise, judge."""
