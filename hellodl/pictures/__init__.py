"""From any picture to the 28 by 28 pixels that training saw: load, find the digits, normalise."""
