"""A formula drawn: typed text becomes a graph, a graph becomes records, records become SVG, DOT and text."""
