"""What can be seen: a formula as a graph, its backward pass, descents, a model's report, the chapter live."""
