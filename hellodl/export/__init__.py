"""A model taken elsewhere: ONNX, NumPy, C, and one page to draw on."""
